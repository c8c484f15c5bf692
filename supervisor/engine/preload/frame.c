#include "engine/preload/frame.h"

#include <link.h>
#include <string.h>

#include "engine/preload/sys.h"
#include "engine/preload/unwinder.h"
#include "base/banned.h"

#define MODULES_MAX 128
#define NAMES_SIZE (16u << 10)

struct module {
	struct range code;
	uintptr_t base;
	const char *name;
};

static struct {
	struct module all[MODULES_MAX];
	size_t count;
	char names[NAMES_SIZE];
	size_t names_used;
	char line[NAMES_SIZE + 256];
} modules;

/* The executable is the first that the loader names, and has no name there. */
static const char *keep_name(const char *name)
{
	char *kept = modules.names + modules.names_used;
	size_t room = sizeof(modules.names) - modules.names_used;
	ssize_t len = (ssize_t)strlen(name);

	if (modules.count == 0)
		len = syscall(SYS_readlink, "/proc/self/exe", kept, room);
	else if ((size_t)len < room)
		memcpy(kept, name, (size_t)len);
	if (len <= 0 || (size_t)len >= room)
		return "<unknown module>";
	kept[len] = '\0';
	modules.names_used += (size_t)len + 1;
	return kept;
}

static int take_module(struct dl_phdr_info *info, size_t size, void *unused)
{
	struct module *module = &modules.all[modules.count];

	(void)size;
	(void)unused;
	*module = (struct module){
		range_of_code(info), info->dlpi_addr, keep_name(info->dlpi_name)};
	modules.count++;
	return modules.count == MODULES_MAX;
}

void frame_modules_find(void)
{
	modules.count = modules.names_used = 0;
	dl_iterate_phdr(take_module, NULL);
}

static const struct module *module_of(uintptr_t pc)
{
	for (size_t i = 0; i < modules.count; i++)
		if (range_has(&modules.all[i].code, pc))
			return &modules.all[i];
	return NULL;
}

bool frame_is_known(uintptr_t pc)
{
	return module_of(pc) != NULL;
}

void frame_print(size_t number, uintptr_t pc)
{
	struct text line = {.buf = modules.line, .cap = sizeof(modules.line)};
	const struct module *module = module_of(pc);

	text_add(&line, "    #");
	text_num(&line, number);
	text_add(&line, " ");
	text_hex(&line, pc);
	text_add(&line, "  (");
	text_add(&line, module ? module->name : "<unknown module>");
	if (module) {
		text_add(&line, "+");
		text_hex(&line, pc - module->base);
	}
	text_add(&line, ")\n");
	text_write(&line);
}
