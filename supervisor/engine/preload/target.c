/*
 * Happy path: map /proc/self/exe, walk .symtab once, add the load base to each value
 * found, unmap. A stripped executable still has .dynsym; it is walked as well, which is
 * enough to judge units (features=0), since the runtimes export most of their interface.
 *
 * Failures: no /proc, not a 64-bit ELF, offsets outside the file (a packed or damaged
 * file: we are running it, but it need not be well formed in its sections), no entry
 * point, no counters. All end in a sentence for the result.
 */
#include "engine/preload/target.h"

#include <elf.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "engine/driver_format.h"
#include "engine/preload/traces.h"
#include "base/banned.h"

struct image {
	const uint8_t *data;
	size_t size;
	const Elf64_Shdr *sections;
	size_t section_count;
};

static bool image_holds(const struct image *im, uint64_t at, uint64_t size)
{
	return at <= im->size && size <= im->size - at;
}

static bool image_open(struct image *im, const char *path)
{
	const Elf64_Ehdr *head;
	int fd = sys_openat(AT_FDCWD, path, O_RDONLY);
	int64_t size = fd < 0 ? -1 : sys_size(fd);
	void *p = MAP_FAILED;

	if (size >= (int64_t)sizeof(*head))
		p = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (fd >= 0)
		sys_close(fd);
	if (p == MAP_FAILED)
		return false;
	*im = (struct image){.data = p, .size = (size_t)size};
	head = p;
	if (memcmp(head->e_ident, ELFMAG, SELFMAG) != 0 ||
		head->e_ident[EI_CLASS] != ELFCLASS64 ||
		head->e_shentsize != sizeof(Elf64_Shdr) ||
		head->e_shoff % _Alignof(Elf64_Shdr) != 0 ||
		!image_holds(im, head->e_shoff, head->e_shnum * sizeof(Elf64_Shdr))) {
		munmap(p, im->size);
		return false;
	}
	im->sections = (const void *)(im->data + head->e_shoff);
	im->section_count = head->e_shnum;
	return true;
}

static void image_close(struct image *im)
{
	munmap((void *)im->data, im->size);
}

/* The table's string section, or NULL if anything about the two is out of bounds. */
static const char *table_strings(
	const struct image *im, const Elf64_Shdr *table, size_t *size)
{
	const Elf64_Shdr *str;

	if (table->sh_link >= im->section_count ||
		table->sh_entsize != sizeof(Elf64_Sym) ||
		table->sh_offset % _Alignof(Elf64_Sym) != 0 ||
		!image_holds(im, table->sh_offset, table->sh_size))
		return NULL;
	str = &im->sections[table->sh_link];
	if (!image_holds(im, str->sh_offset, str->sh_size) || str->sh_size == 0 ||
		im->data[str->sh_offset + str->sh_size - 1] != '\0')
		return NULL;
	*size = str->sh_size;
	return (const char *)im->data + str->sh_offset;
}

/* Where a symbol of this name goes, or NULL: most of half a million names do not. */
static void **target_slot(struct target *t, const char *name)
{
	const struct {
		const char *name;
		void *slot;
	} wanted[] = {
		{"LLVMFuzzerTestOneInput", &t->test_one},
		{"LLVMFuzzerInitialize", &t->initialize},
		{"LLVMFuzzerRunDriver", &t->run_driver},
		{"__start___sancov_cntrs", &t->counters},
		{"__stop___sancov_cntrs", &t->counters_end},
		{"__lsan_do_recoverable_leak_check", &t->leak_check},
		{"__sanitizer_print_stack_trace", &t->print_stack},
		{"__sanitizer_install_malloc_and_free_hooks", &t->install_hooks},
		{"__sanitizer_set_death_callback", &t->set_death_callback},
		{"__msan_unpoison", &t->msan_unpoison},
		{"__msan_unpoison_param", &t->msan_unpoison_param},
		{"__tsan_init", &t->tsan_init},
		{"__asan_unpoison_memory_region", &t->asan_unpoison},
		{"__asan_handle_no_return", &t->asan_no_return},
		{"_ZN6__asan18ReportGenericErrorEmmmmbmjb", &t->asan_report},
	};

	if (strncmp(name, "LLVMFuzzer", 10) != 0 && strncmp(name, "__", 2) != 0 &&
		strncmp(name, "_ZN6__asan", 10) != 0)
		return NULL;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (strcmp(name, wanted[i].name) == 0)
			return wanted[i].slot;
	return NULL;
}

/* Exported functions stand in two tables. */
static void target_add_trace(struct target *t, uintptr_t at)
{
	for (size_t i = 0; i < t->trace_count; i++)
		if (t->traces[i] == (void *)at)
			return;
	if (t->trace_count < TARGET_TRACES_MAX)
		t->traces[t->trace_count++] = (void *)at;
}

static void target_take_table(
	struct target *t, const struct image *im, const Elf64_Shdr *table, uintptr_t base)
{
	size_t str_size = 0;
	const char *str = table_strings(im, table, &str_size);
	const Elf64_Sym *sym = (const void *)(im->data + table->sh_offset);

	for (size_t i = 0; str && i < table->sh_size / sizeof(*sym); i++) {
		void **slot;

		if (sym[i].st_value == 0 || sym[i].st_name >= str_size)
			continue;
		if (ELF64_ST_TYPE(sym[i].st_info) == STT_FUNC &&
			trace_is_name(str + sym[i].st_name))
			target_add_trace(t, base + sym[i].st_value);
		if (strcmp(str + sym[i].st_name, "main") == 0)
			t->main_size = sym[i].st_size;
		slot = target_slot(t, str + sym[i].st_name);
		if (slot && !*slot)
			*slot = (void *)(base + sym[i].st_value);
		if (slot == (void **)&t->test_one)
			t->test_one_size = sym[i].st_size;
	}
}

/* The executable is the first that the loader names. */
static int take_base(struct dl_phdr_info *info, size_t size, void *base)
{
	(void)size;
	*(uintptr_t *)base = info->dlpi_addr;
	return 1;
}

bool target_find(struct target *target, bool need_counters, struct text *why)
{
	static uintptr_t base;
	struct image im;

	if (!image_open(&im, "/proc/self/exe")) {
		text_add(why, "cannot read '/proc/self/exe' as a 64-bit ELF file");
		return false;
	}
	dl_iterate_phdr(take_base, &base);
	for (size_t i = 0; i < im.section_count; i++)
		if (im.sections[i].sh_type == SHT_SYMTAB ||
			im.sections[i].sh_type == SHT_DYNSYM)
			target_take_table(target, &im, &im.sections[i], base);
	image_close(&im);

	if (!target->test_one) {
		text_add(why,
			"no symbol 'LLVMFuzzerTestOneInput': not a fuzz target, "
			"or stripped");
		return false;
	}
	if (target->counters_end <= target->counters || !target->counters)
		target->counters = target->counters_end = NULL;
	if (need_counters && !target->counters) {
		text_add(why,
			"no symbols '__start___sancov_cntrs' and "
			"'__stop___sancov_cntrs': stripped, or built without "
			"-fsanitize=fuzzer");
		return false;
	}
	if (target->counters_end - target->counters > (ptrdiff_t)IW_DRIVER_COUNTERS_MAX) {
		text_add(why, "too many counters");
		return false;
	}
	return true;
}

static int library_has_counters(struct dl_phdr_info *info, size_t size, void *is_first)
{
	struct image im;
	int found = 0;

	(void)size;
	if (*(bool *)is_first || !info->dlpi_name[0] ||
		!image_open(&im, info->dlpi_name)) {
		*(bool *)is_first = false;
		return 0;
	}
	for (size_t i = 0; i < im.section_count && !found; i++) {
		const Elf64_Ehdr *head = (const void *)im.data;
		const Elf64_Shdr *names;
		uint64_t at;

		if (head->e_shstrndx >= im.section_count)
			break;
		names = &im.sections[head->e_shstrndx];
		at = names->sh_offset + im.sections[i].sh_name;
		found = image_holds(&im, at, sizeof("__sancov_cntrs")) &&
			memcmp(im.data + at, "__sancov_cntrs",
				sizeof("__sancov_cntrs")) == 0;
	}
	image_close(&im);
	return found;
}

bool target_has_other_counters(void)
{
	static bool is_first;

	is_first = true;
	return dl_iterate_phdr(library_has_counters, &is_first) != 0;
}
