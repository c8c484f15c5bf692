#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/sha1.h>
#include <nettle/sha2.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

#include "base/banned.h"

static void to_hex(const uint8_t *bytes, size_t n, char *hex)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < n; i++) {
		hex[2 * i] = digits[bytes[i] >> 4];
		hex[2 * i + 1] = digits[bytes[i] & 15];
	}
	hex[2 * n] = '\0';
}

struct iw_sha256 iw_sha256(const void *data, size_t len)
{
	struct iw_sha256 out;
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	sha256_update(&ctx, len, data);
	sha256_digest(&ctx, sizeof out.bytes, out.bytes);
	return out;
}

int iw_sha256_file(const char *path, struct iw_sha256 *hash, struct iw_err *err)
{
	_auto_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct sha256_ctx ctx;
	uint8_t part[32768];
	ssize_t n;

	if (fd < 0)
		return iw_err_errno(err, errno, "cannot open '%s'", path);
	sha256_init(&ctx);
	while ((n = read(fd, part, sizeof part)) > 0)
		sha256_update(&ctx, (size_t)n, part);
	if (n < 0)
		return iw_err_errno(err, errno, "cannot read '%s'", path);
	sha256_digest(&ctx, sizeof hash->bytes, hash->bytes);
	return 0;
}

void iw_sha256_hex(const struct iw_sha256 *hash, char hex[static IW_SHA256_HEX])
{
	to_hex(hash->bytes, sizeof hash->bytes, hex);
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

bool iw_sha256_parse(const char *hex, struct iw_sha256 *hash)
{
	size_t i;

	if (strlen(hex) != IW_SHA256_HEX - 1)
		return false;
	for (i = 0; i < sizeof hash->bytes; i++) {
		int hi = nibble(hex[2 * i]), lo = nibble(hex[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return false;
		hash->bytes[i] = (uint8_t)(hi << 4 | lo);
	}
	return true;
}

bool iw_sha256_equal(const struct iw_sha256 *a, const struct iw_sha256 *b)
{
	return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

void iw_sha1_hex(const void *data, size_t len, char hex[static IW_SHA1_HEX])
{
	uint8_t bytes[SHA1_DIGEST_SIZE];
	struct sha1_ctx ctx;

	sha1_init(&ctx);
	sha1_update(&ctx, len, data);
	sha1_digest(&ctx, sizeof bytes, bytes);
	to_hex(bytes, sizeof bytes, hex);
}

void iw_sha256_hex_of(const char *s, char hex[static IW_SHA256_HEX])
{
	struct iw_sha256 hash = iw_sha256(s, strlen(s));

	iw_sha256_hex(&hash, hex);
}
