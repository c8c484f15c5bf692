#include "triage/names.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#include "base/banned.h"

#define SLOTS_FIRST 64 /* powers of two */
#define MESSAGE_MAX 1024

struct name {
	const char *text;
	size_t len;
	uint64_t hash;
	bool is_message;
};

struct triage_names {
	struct iw_arena *arena;
	struct name *all; /* number 1 is the first */
	size_t count, cap;
	uint32_t *slots; /* numbers; 0: free. At most half are taken */
	size_t slot_count;
};

struct triage_names *triage_names_new(void)
{
	struct triage_names *names = iw_calloc(1, sizeof *names);

	names->arena = iw_arena_new();
	names->slot_count = SLOTS_FIRST;
	names->slots = iw_calloc(names->slot_count, sizeof *names->slots);
	return names;
}

void triage_names_free(struct triage_names *names)
{
	if (!names)
		return;
	iw_arena_free(names->arena);
	free(names->all);
	free(names->slots);
	free(names);
}

/* FNV-1a: the texts are short. */
static uint64_t hash_of(const char *text, size_t len)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	while (len-- > 0)
		hash = (hash ^ (unsigned char)*text++) * UINT64_C(0x100000001b3);
	return hash;
}

/* Where a name with this hash is, or belongs. */
static uint32_t *slot_of(struct triage_names *names, const struct name *name)
{
	size_t at = name->hash & (names->slot_count - 1);

	while (names->slots[at]) {
		const struct name *other = &names->all[names->slots[at] - 1];

		if (other->hash == name->hash && other->len == name->len &&
			other->is_message == name->is_message &&
			memcmp(other->text, name->text, name->len) == 0)
			break;
		at = (at + 1) & (names->slot_count - 1);
	}
	return &names->slots[at];
}

static void make_room(struct triage_names *names)
{
	size_t i;

	if (2 * (names->count + 1) <= names->slot_count)
		return;
	free(names->slots);
	names->slot_count *= 2;
	names->slots = iw_calloc(names->slot_count, sizeof *names->slots);
	for (i = 0; i < names->count; i++)
		*slot_of(names, &names->all[i]) = (uint32_t)i + 1;
}

static uint32_t number_of(
	struct triage_names *names, const char *text, size_t len, bool is_message)
{
	struct name name = {text, len, hash_of(text, len), is_message};
	uint32_t *slot;

	make_room(names);
	slot = slot_of(names, &name);
	if (!*slot) {
		name.text = iw_arena_strndup(names->arena, text, len);
		iw_grow(names->all, names->count, names->cap);
		names->all[names->count++] = name;
		*slot = (uint32_t)names->count;
	}
	return *slot;
}

size_t triage_name_len(const char *name)
{
	static const char *const marks[] = {
		".constprop.", ".isra.", ".part.", ".cold", ".llvm.", "[abi:"};
	const char *at = name;
	size_t i;

	while (*(at += strcspn(at, ".["))) {
		for (i = 0; at != name && i < IW_COUNT(marks); i++)
			if (strncmp(at, marks[i], strlen(marks[i])) == 0)
				return (size_t)(at - name);
		at++;
	}
	return (size_t)(at - name);
}

bool triage_name_same(const char *a, const char *b)
{
	size_t len = triage_name_len(a);

	return len == triage_name_len(b) && memcmp(a, b, len) == 0;
}

uint32_t triage_names_function(struct triage_names *names, const char *name)
{
	return number_of(names, name, triage_name_len(name), false);
}

/* The next character of a message with every number read as '#'. */
static char next_word_char(const char **s)
{
	const char *p = *s;

	if (*p == '-' && isdigit((unsigned char)p[1]))
		p++;
	if (!isdigit((unsigned char)*p))
		return *(*s)++;
	while (isxdigit((unsigned char)*p) || *p == 'x')
		p++;
	*s = p;
	return '#';
}

uint32_t triage_names_message(struct triage_names *names, const char *message)
{
	char words[MESSAGE_MAX];
	size_t len = 0;

	if (!message)
		return 0;
	while (*message && len < sizeof words)
		words[len++] = next_word_char(&message);
	return number_of(names, words, len, true);
}
