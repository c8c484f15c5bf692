#include "adapters/linkage.h"

#include <elf.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "sanitizers/flavour.h"

#include "base/banned.h"

#define FILES_MAX 4096
#define SEGMENTS_MAX 64
#define ENTRIES_MAX 4096
#define NAMES_MAX 64
#define NAME_MAX_LEN 128
#define SECTIONS_MAX 4096
/* Of a large node's program; what is behind that is not looked at. */
#define SYMBOLS_MAX (1 << 22)
#define SYMBOLS_AT_ONCE 512

struct linkage {
	const char *dir;
	bool is_in_c; /* the program that is looked at */
	char names[NAMES_MAX][NAME_MAX_LEN];
	size_t count;
};

/* A program and what of it is needed to look names up. */
struct elf {
	int fd;
	Elf64_Phdr segments[SEGMENTS_MAX];
	size_t count;
	uint64_t strings;  /* address of its names */
	uint64_t sections; /* where their table lies in the file */
	unsigned section_count;
};

static bool read_at(int fd, void *to, size_t len, uint64_t at)
{
	return at <= INT64_MAX && pread(fd, to, len, (off_t)at) == (ssize_t)len;
}

/* A name that goes on beyond its end of the file, or is too long, is none. */
static void read_name(const struct elf *elf, uint64_t at, char name[static NAME_MAX_LEN])
{
	ssize_t n = at <= INT64_MAX ? pread(elf->fd, name, NAME_MAX_LEN, (off_t)at) : -1;

	if (n <= 0 || !memchr(name, '\0', (size_t)n))
		*name = '\0';
}

static bool open_elf(struct elf *elf, int fd)
{
	Elf64_Ehdr head;

	elf->fd = fd;
	if (!read_at(fd, &head, sizeof head, 0) ||
		memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 ||
		head.e_ident[EI_CLASS] != ELFCLASS64 ||
		head.e_phentsize != sizeof elf->segments[0] ||
		head.e_phnum > SEGMENTS_MAX)
		return false;
	elf->count = head.e_phnum;
	elf->sections = head.e_shoff;
	elf->section_count = head.e_shentsize == sizeof(Elf64_Shdr) ? head.e_shnum : 0;
	return read_at(
		fd, elf->segments, elf->count * sizeof elf->segments[0], head.e_phoff);
}

/* Where an address lies in the file; false: nowhere. */
static bool offset_of(const struct elf *elf, uint64_t address, uint64_t *offset)
{
	size_t i;

	for (i = 0; i < elf->count; i++) {
		const Elf64_Phdr *s = &elf->segments[i];

		if (s->p_type != PT_LOAD || address < s->p_vaddr ||
			address - s->p_vaddr >= s->p_filesz)
			continue;
		*offset = s->p_offset + (address - s->p_vaddr);
		return *offset >= s->p_offset;
	}
	return false;
}

/* What every runtime knows: it intercepts these, or they keep nothing of a program's. */
static bool is_known(const char *name)
{
	static const char *const known[] = {"libc.so.", "libm.so.", "libdl.so.",
		"librt.so.", "libpthread.so.", "libresolv.so.", "libutil.so.",
		"libgcc_s.so.", "libmvec.so.", "libanl.so.", "ld-linux", "linux-vdso"};
	size_t i;

	for (i = 0; i < IW_COUNT(known); i++)
		if (strncmp(name, known[i], strlen(known[i])) == 0)
			return true;
	return false;
}

static bool is_of_cxx(const char *name)
{
	return strncmp(name, "libstdc++.so.", 13) == 0 || strncmp(name, "libc++", 6) == 0;
}

/* Which sources the symbol table names. */
struct sources {
	bool has_c, has_cxx;
};

/* The runtimes' own are "asan_rtl.cpp.o" or not named at all. */
static void note_source(struct sources *s, const char *name)
{
	static const char *const cxx[] = {".cc", ".cpp", ".cxx", ".c++", ".C", ".cp"};
	size_t i;

	for (i = 0; i < IW_COUNT(cxx); i++)
		s->has_cxx |= iw_path_ends(name, cxx[i]);
	s->has_c |= iw_path_ends(name, ".c") && strcmp(name, "crtstuff.c") != 0;
}

static void note_sources(const struct elf *elf, const Elf64_Shdr *symbols,
	const Elf64_Shdr *names, struct sources *s)
{
	/* Names of files are local symbols, which come first. */
	uint64_t at,
		count = symbols->sh_info < SYMBOLS_MAX ? symbols->sh_info : SYMBOLS_MAX;
	Elf64_Sym some[SYMBOLS_AT_ONCE];
	size_t i, n;

	for (at = 0; at < count; at += n) {
		n = count - at < SYMBOLS_AT_ONCE ? count - at : SYMBOLS_AT_ONCE;
		if (!read_at(elf->fd, some, n * sizeof some[0],
			    symbols->sh_offset + at * sizeof some[0]))
			return;
		for (i = 0; i < n; i++) {
			char name[NAME_MAX_LEN];

			if (ELF64_ST_TYPE(some[i].st_info) != STT_FILE)
				continue;
			read_name(elf, names->sh_offset + some[i].st_name, name);
			note_source(s, name);
		}
	}
}

/* libFuzzer is C++ and brings its library into every program; what matters is whether the
 * program's own code uses it. One that does not name its sources may be anything. */
static bool is_written_in_c(const struct elf *elf)
{
	struct sources s = {.has_c = false};
	Elf64_Shdr section, names;
	unsigned i;

	for (i = 0; i < elf->section_count && i < SECTIONS_MAX; i++) {
		if (!read_at(elf->fd, &section, sizeof section,
			    elf->sections + i * sizeof section))
			break;
		if (section.sh_type == SHT_SYMTAB &&
			section.sh_link < elf->section_count &&
			read_at(elf->fd, &names, sizeof names,
				elf->sections + section.sh_link * sizeof names))
			note_sources(elf, &section, &names, &s);
	}
	return s.has_c && !s.has_cxx;
}

static bool is_clean(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-";

	return *name && strspn(name, letters) == strlen(name);
}

static void take_name(struct linkage *l, const char *name)
{
	_auto_free_ char *own = iw_path_join(l->dir, name);
	size_t i;

	if (!is_clean(name) || is_known(name) || iw_file_exists(own) ||
		(l->is_in_c && is_of_cxx(name)))
		return;
	for (i = 0; i < l->count; i++)
		if (strcmp(l->names[i], name) == 0)
			return;
	if (l->count < NAMES_MAX)
		snprintf(l->names[l->count++], NAME_MAX_LEN, "%s", name);
}

static void take_needed(struct linkage *l, const struct elf *elf, uint64_t index)
{
	char name[NAME_MAX_LEN];
	uint64_t at;

	if (!offset_of(elf, elf->strings + index, &at))
		return;
	read_name(elf, at, name);
	take_name(l, name);
}

/* Calls each for the entries of the table that says how it is linked. */
static void walk(struct linkage *l, struct elf *elf, const Elf64_Phdr *dynamic,
	void (*each)(struct linkage *l, struct elf *elf, const Elf64_Dyn *entry))
{
	size_t i, count = dynamic->p_filesz / sizeof(Elf64_Dyn);

	for (i = 0; i < count && i < ENTRIES_MAX; i++) {
		Elf64_Dyn entry;

		if (!read_at(elf->fd, &entry, sizeof entry,
			    dynamic->p_offset + i * sizeof entry) ||
			entry.d_tag == DT_NULL)
			return;
		each(l, elf, &entry);
	}
}

static void find_strings(struct linkage *l, struct elf *elf, const Elf64_Dyn *entry)
{
	(void)l;
	if (entry->d_tag == DT_STRTAB)
		elf->strings = entry->d_un.d_ptr;
}

static void find_needed(struct linkage *l, struct elf *elf, const Elf64_Dyn *entry)
{
	if (entry->d_tag == DT_NEEDED)
		take_needed(l, elf, entry->d_un.d_val);
}

static int look_at(void *ctx, const char *name)
{
	struct linkage *l = ctx;
	_auto_free_ char *path = iw_path_join(l->dir, name);
	/* No link, and no pipe that would be waited for. */
	_auto_close_ int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct elf elf = {.strings = 0};
	struct stat st;
	size_t i;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || !open_elf(&elf, fd))
		return 0;
	l->is_in_c = is_written_in_c(&elf);
	for (i = 0; i < elf.count; i++) {
		if (elf.segments[i].p_type != PT_DYNAMIC)
			continue;
		walk(l, &elf, &elf.segments[i], find_strings);
		walk(l, &elf, &elf.segments[i], find_needed);
	}
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

void linkage_uninstrumented(const char *build_dir, char *names, size_t size)
{
	struct linkage l = {.dir = build_dir};
	size_t i, len = 0;

	*names = '\0';
	iw_dir_each_below(build_dir, ".", FILES_MAX, look_at, &l, NULL);
	qsort(l.names, l.count, sizeof l.names[0], by_name);
	for (i = 0; i < l.count && len < size; i++)
		len += (size_t)snprintf(
			names + len, size - len, "%s%s", i ? ", " : "", l.names[i]);
}

bool linkage_matters(const struct iw_build *build)
{
	return strstr(san_flavour_find(build->flavour)->sanitizers, "memory") != NULL;
}

void build_note(const struct iw_build *build, char note[static BUILD_NOTE_MAX])
{
	*note = '\0';
	if (build->is_build_only && *build->uninstrumented)
		snprintf(note, BUILD_NOTE_MAX,
			"it is not run, because it links %s, which MemorySanitizer "
			"cannot "
			"see into and whose values it would report though they are no "
			"bug: "
			"let the recipe build an instrumented libc++ or these libraries "
			"with $CFLAGS and say \"msan\": \"instrumented\" in "
			"adapter.json, or "
			"say \"build-only\" there",
			build->uninstrumented);
	else if (build->is_build_only)
		snprintf(note, BUILD_NOTE_MAX,
			"it is not run, as \"msan\": \"build-only\" in adapter.json "
			"says");
	else if (*build->uninstrumented)
		snprintf(note, BUILD_NOTE_MAX,
			"it links %s, which adapter.json says is instrumented",
			build->uninstrumented);
}
