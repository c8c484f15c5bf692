/* Hashes: the examples of FIPS 180-4, and names that are read strictly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/mem.h"

#include "base/banned.h"

#define TWO_BLOCKS "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"

static const struct {
	const char *text, *sha256, *sha1;
} vectors[] = {
	{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"da39a3ee5e6b4b0d3255bfef95601890afd80709"},
	{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		"a9993e364706816aba3e25717850c26c9cd0d89d"},
	{TWO_BLOCKS, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
		"84983e441c3bd26ebaae4aa1f95129e5e54670f1"},
};

static void test_fips_examples(void **state)
{
	(void)state;
	for (size_t i = 0; i < IW_COUNT(vectors); i++) {
		struct iw_sha256 hash =
			iw_sha256(vectors[i].text, strlen(vectors[i].text));
		char hex[IW_SHA256_HEX], of[IW_SHA256_HEX], sha1[IW_SHA1_HEX];

		iw_sha256_hex(&hash, hex);
		assert_string_equal(hex, vectors[i].sha256);
		iw_sha256_hex_of(vectors[i].text, of);
		assert_string_equal(of, vectors[i].sha256);
		iw_sha1_hex(vectors[i].text, strlen(vectors[i].text), sha1);
		assert_string_equal(sha1, vectors[i].sha1);
	}
}

static void test_a_million_times_a(void **state)
{
	_auto_free_ char *text = iw_malloc(1000000);
	char hex[IW_SHA256_HEX], sha1[IW_SHA1_HEX];
	struct iw_sha256 hash;

	(void)state;
	memset(text, 'a', 1000000);
	hash = iw_sha256(text, 1000000);
	iw_sha256_hex(&hash, hex);
	assert_string_equal(
		hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	iw_sha1_hex(text, 1000000, sha1);
	assert_string_equal(sha1, "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
}

static void test_nul_bytes_count(void **state)
{
	struct iw_sha256 one = iw_sha256("\0", 1), two = iw_sha256("\0\0", 2);

	(void)state;
	assert_false(iw_sha256_equal(&one, &two));
	assert_true(iw_sha256_equal(&one, &one));
}

static void test_parse_round_trip(void **state)
{
	struct iw_sha256 hash = iw_sha256("abc", 3), back;
	char hex[IW_SHA256_HEX];

	(void)state;
	iw_sha256_hex(&hash, hex);
	assert_true(iw_sha256_parse(hex, &back));
	assert_true(iw_sha256_equal(&hash, &back));
}

#define DIGITS_62 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015"

static void test_parse_is_strict(void **state)
{
	static const char upper[] = DIGITS_62 "AD", no_digit[] = DIGITS_62 "ag";
	static const char space[] = DIGITS_62 "a ", utf8[] = DIGITS_62 "\xc3\xa4";
	static const char longer[] = DIGITS_62 "ad0", shorter[] = DIGITS_62 "a";
	static const char path[] = "../" DIGITS_62;
	static const char *const wrong[] = {
		"", "ad", DIGITS_62, shorter, longer, upper, no_digit, space, utf8, path};
	struct iw_sha256 hash;

	(void)state;
	assert_true(iw_sha256_parse(DIGITS_62 "ad", &hash));
	for (size_t i = 0; i < IW_COUNT(wrong); i++)
		assert_false(iw_sha256_parse(wrong[i], &hash));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fips_examples),
		cmocka_unit_test(test_a_million_times_a),
		cmocka_unit_test(test_nul_bytes_count),
		cmocka_unit_test(test_parse_round_trip),
		cmocka_unit_test(test_parse_is_strict),
	};

	return cmocka_run_group_tests_name("base_hash", tests, NULL, NULL);
}
