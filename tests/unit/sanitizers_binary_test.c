/* Whose program it is, by the names in it; and what is no program. */
#include "tests/lib/temp.h"

#include <elf.h>

#include "sanitizers/binary.h"

#include "base/banned.h"

/* A program with nothing but one table of names. */
struct image {
	Elf64_Ehdr head;
	Elf64_Shdr sections[2];
	Elf64_Phdr part;
	char names[64];
};

static struct image make(const char *names, size_t len)
{
	struct image im = {.head = {.e_ident = ELFMAG,
				   .e_shoff = offsetof(struct image, sections),
				   .e_shentsize = sizeof(Elf64_Shdr),
				   .e_shnum = 2}};

	im.head.e_ident[EI_CLASS] = ELFCLASS64;
	im.sections[1] = (Elf64_Shdr){.sh_type = SHT_STRTAB,
		.sh_offset = offsetof(struct image, names),
		.sh_size = sizeof im.names};
	memcpy(im.names, names, len);
	return im;
}

static int flavour_of(struct temp *t, const void *data, size_t len, const char **name)
{
	_auto_free_ char *path = temp_path(t, "program");
	const struct san_flavour *flavour = NULL;
	int rc;

	temp_ok(&t->err, iw_file_write(path, data, len, 0755, &t->err));
	rc = san_binary_flavour(path, &flavour, &t->err);
	*name = flavour ? flavour->name : NULL;
	return rc;
}

static void test_runtimes(void **state)
{
	static const struct {
		const char *names, *flavour;
		size_t len;
	} rows[] = {
		{"\0main\0__asan_init", "libfuzzer+asan+ubsan", 17},
		{"\0main\0__msan_init", "libfuzzer+msan", 17},
		{"__tsan_init", "libfuzzer+tsan", 11},
		{"\0main\0", "libfuzzer", 6},
		/* Not a whole name: it only knows of the runtime. */
		{"\0my__asan_init", "libfuzzer", 14},
		{"\0__asan_init_x", "libfuzzer", 14},
	};
	const char *name;
	struct temp t;
	size_t i;

	(void)state;
	temp_open(&t);
	for (i = 0; i < IW_COUNT(rows); i++) {
		struct image im = make(rows[i].names, rows[i].len);

		temp_ok(&t.err, flavour_of(&t, &im, sizeof im, &name));
		assert_string_equal(name, rows[i].flavour);
	}
	temp_close(&t);
}

/* By what it says, which stays when its names go. */
static void test_libfuzzer(void **state)
{
	struct image im = make("==%lu== ERROR: libFuzzer: %s\n", 30);
	_auto_free_ char *path = NULL;
	struct temp t;
	bool has;

	(void)state;
	temp_open(&t);
	path = temp_path(&t, "program");
	temp_ok(&t.err, iw_file_write(path, &im, sizeof im, 0755, &t.err));
	temp_ok(&t.err, san_binary_has_libfuzzer(path, &has, &t.err));
	assert_true(has);
	im.names[10] = 'e';
	temp_ok(&t.err, iw_file_write(path, &im, sizeof im, 0755, &t.err));
	temp_ok(&t.err, san_binary_has_libfuzzer(path, &has, &t.err));
	assert_false(has);
	temp_close(&t);
}

static bool takes_preload(struct temp *t, const struct image *im)
{
	_auto_free_ char *path = temp_path(t, "program");

	temp_ok(&t->err, iw_file_write(path, im, sizeof *im, 0755, &t->err));
	return san_binary_takes_preload(path);
}

/* A static program has no loader, and others than glibc's would not load what we have. */
static void test_loader(void **state)
{
	static const struct {
		const char *loader;
		bool takes;
	} rows[] = {
		{"/lib64/ld-linux-x86-64.so.2", true},
		{"/lib/ld-linux-aarch64.so.1", true},
		{"/lib/ld-musl-x86_64.so.1", false},
	};
	struct temp t;
	struct image im;
	size_t i;

	(void)state;
	temp_open(&t);
	for (i = 0; i < IW_COUNT(rows); i++) {
		im = make(rows[i].loader, strlen(rows[i].loader) + 1);
		assert_false(takes_preload(&t, &im));
		im.head.e_phoff = offsetof(struct image, part);
		im.head.e_phentsize = sizeof im.part;
		im.head.e_phnum = 1;
		im.part = (Elf64_Phdr){.p_type = PT_INTERP,
			.p_offset = offsetof(struct image, names),
			.p_filesz = strlen(rows[i].loader) + 1};
		assert_int_equal(takes_preload(&t, &im), rows[i].takes);
		im.part.p_filesz = sizeof im;
		assert_false(takes_preload(&t, &im));
		im.head.e_phnum = UINT16_MAX;
		assert_false(takes_preload(&t, &im));
	}
	temp_close(&t);
}

/* Offsets that lead out of the file are not followed. */
static void test_hostile(void **state)
{
	struct image im = make("\0__asan_init", 13);
	const char *name;
	struct temp t;

	(void)state;
	temp_open(&t);
	im.sections[1].sh_offset = UINT64_MAX - 4;
	temp_ok(&t.err, flavour_of(&t, &im, sizeof im, &name));
	assert_string_equal(name, "libfuzzer");
	im.head.e_shoff = UINT64_MAX - 7;
	assert_int_equal(flavour_of(&t, &im, sizeof im, &name), IW_EINVAL);
	im.head.e_shoff = offsetof(struct image, sections);
	im.head.e_shnum = UINT16_MAX;
	assert_int_equal(flavour_of(&t, &im, sizeof im, &name), IW_EINVAL);
	assert_int_equal(flavour_of(&t, &im, 20, &name), IW_EINVAL);
	assert_int_equal(flavour_of(&t, "#!/bin/sh\n", 10, &name), IW_EINVAL);
	assert_int_equal(flavour_of(&t, "", 0, &name), IW_EINVAL);
	temp_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_runtimes),
		cmocka_unit_test(test_libfuzzer),
		cmocka_unit_test(test_loader),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests_name("sanitizers_binary", tests, NULL, NULL);
}
