#include "sanitizers/binary.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#include "base/banned.h"

/* What each runtime's start is called; a row's order is that of the search. */
static const struct {
	const char *symbol, *flavour;
} runtimes[] = {
	{"__asan_init", "libfuzzer+asan+ubsan"},
	{"__msan_init", "libfuzzer+msan"},
	{"__tsan_init", "libfuzzer+tsan"},
};

struct image {
	const char *data;
	size_t size;
};

static bool holds(const struct image *im, uint64_t at, uint64_t size)
{
	return at <= im->size && size <= im->size - at;
}

/* A whole name in a table of them. */
static bool has_name(const char *table, size_t size, const char *name)
{
	size_t len = strlen(name) + 1;
	const char *at = table, *end = table + size;

	while (at < end && (at = memmem(at, (size_t)(end - at), name, len)) != NULL) {
		if (at == table || at[-1] == '\0')
			return true;
		at++;
	}
	return false;
}

/* The image is somebody's: nothing in it is believed. */
static const struct san_flavour *find(const struct image *im)
{
	const Elf64_Ehdr *head = (const void *)im->data;
	const Elf64_Shdr *sections = (const void *)(im->data + head->e_shoff);
	size_t i, k;

	for (i = 0; i < IW_COUNT(runtimes); i++)
		for (k = 0; k < head->e_shnum; k++)
			if (sections[k].sh_type == SHT_STRTAB &&
				holds(im, sections[k].sh_offset, sections[k].sh_size) &&
				has_name(im->data + sections[k].sh_offset,
					sections[k].sh_size, runtimes[i].symbol))
				return san_flavour_find(runtimes[i].flavour);
	return san_flavour_find("libfuzzer");
}

static bool is_program(const struct image *im)
{
	const Elf64_Ehdr *head = (const void *)im->data;

	return im->size >= sizeof *head && memcmp(head->e_ident, ELFMAG, SELFMAG) == 0 &&
		head->e_ident[EI_CLASS] == ELFCLASS64 &&
		head->e_shentsize == sizeof(Elf64_Shdr) &&
		head->e_shoff % _Alignof(Elf64_Shdr) == 0 &&
		holds(im, head->e_shoff, head->e_shnum * sizeof(Elf64_Shdr));
}

int san_binary_map(const char *path, void **data, size_t *size, struct iw_err *err)
{
	_auto_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return iw_err_errno(err, errno, "cannot open '%s'", path);
	if (!S_ISREG(st.st_mode) || st.st_size == 0)
		return iw_err_set(err, IW_EINVAL, "'%s' is no program", path);
	*size = (size_t)st.st_size;
	*data = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (*data == MAP_FAILED)
		return iw_err_errno(err, errno, "cannot read '%s'", path);
	return 0;
}

int san_binary_hash(const char *path, char hex[static IW_SHA256_HEX], struct iw_err *err)
{
	struct iw_sha256 sha;
	size_t size;
	void *map;
	int rc = san_binary_map(path, &map, &size, err);

	if (rc < 0)
		return rc;
	sha = iw_sha256(map, size);
	munmap(map, size);
	iw_sha256_hex(&sha, hex);
	return 0;
}

int san_binary_has_libfuzzer(const char *path, bool *has, struct iw_err *err)
{
	/* Of its own reports. */
	static const char message[] = "ERROR: libFuzzer: ";
	size_t size;
	void *map;
	int rc = san_binary_map(path, &map, &size, err);

	if (rc < 0)
		return rc;
	*has = memmem(map, size, message, strlen(message)) != NULL;
	munmap(map, size);
	return 0;
}

/* The loader that it asks for; NULL: none. */
static const char *interpreter(const struct image *im, size_t *len)
{
	const Elf64_Ehdr *head = (const void *)im->data;
	const Elf64_Phdr *parts = (const void *)(im->data + head->e_phoff);
	size_t i;

	if (head->e_phentsize != sizeof *parts ||
		head->e_phoff % _Alignof(Elf64_Phdr) != 0 ||
		!holds(im, head->e_phoff, head->e_phnum * sizeof *parts))
		return NULL;
	for (i = 0; i < head->e_phnum; i++)
		if (parts[i].p_type == PT_INTERP &&
			holds(im, parts[i].p_offset, parts[i].p_filesz)) {
			*len = parts[i].p_filesz;
			return im->data + parts[i].p_offset;
		}
	return NULL;
}

/* A program, mapped; IW_EINVAL: it is none. */
static int map_program(const char *path, struct image *im, struct iw_err *err)
{
	void *map;
	int rc = san_binary_map(path, &map, &im->size, err);

	if (rc < 0)
		return rc;
	im->data = map;
	if (is_program(im))
		return 0;
	if (im->size > 2 && memcmp(im->data, "#!", 2) == 0)
		rc = iw_err_set(err, IW_EINVAL,
			"'%s' is a script; name the program that it starts", path);
	else
		rc = iw_err_set(err, IW_EINVAL, "'%s' is no 64-bit program", path);
	munmap(map, im->size);
	return rc;
}

bool san_binary_takes_preload(const char *path)
{
	static const char glibc[] = "/ld-linux";
	struct image im;
	const char *name;
	size_t len = 0;
	bool takes;

	if (map_program(path, &im, NULL) < 0)
		return false;
	name = interpreter(&im, &len);
	takes = name && memmem(name, len, glibc, strlen(glibc));
	munmap((void *)im.data, im.size);
	return takes;
}

int san_binary_entry(const char *path, uint64_t *entry, struct iw_err *err)
{
	struct image im;
	int rc = map_program(path, &im, err);

	if (rc < 0)
		return rc;
	*entry = ((const Elf64_Ehdr *)(const void *)im.data)->e_entry;
	munmap((void *)im.data, im.size);
	return 0;
}

int san_binary_flavour(
	const char *path, const struct san_flavour **flavour, struct iw_err *err)
{
	struct image im;
	int rc = map_program(path, &im, err);

	if (rc < 0)
		return rc;
	*flavour = find(&im);
	munmap((void *)im.data, im.size);
	return 0;
}
