/* Reports without names, and the same with them: pure, with a table for a symbolizer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sanitizers/symbol.h"
#include "sanitizers/symbol_cache.h"
#include "sanitizers/symbolize.h"

#include "base/banned.h"

#define PLACE(path, at) ((struct san_place){path, sizeof(path) - 1, at})

/* What a symbolizer would answer, in its own words. */
static const struct {
	struct san_place place;
	const char *symbols;
} known[] = {
	{{"/b/fuzz", 7, 0x10},
		"[{\"FunctionName\":\"deep\",\"FileName\":\"/src/"
		"a.c\",\"Line\":5,\"Column\":7},"
		"{\"FunctionName\":\"outer\",\"FileName\":\"/src/"
		"a.c\",\"Line\":9,\"Column\":0}]"},
	{{"/b/fuzz", 7, 0x20},
		"[{\"FunctionName\":\"main\",\"FileName\":\"./"
		"m.c\",\"Line\":3,\"Column\":1}]"},
	{{"/b/fuzz", 7, 0x30},
		"[{\"FunctionName\":\"__interceptor_free\",\"FileName\":\"\",\"Line\":0,"
		"\"Column\":0}]"},
	{{"/b/fuzz", 7, 0x40},
		"[{\"FunctionName\":\"at\",\"FileName\":\"/usr/include/c++/12/"
		"array\",\"Line\":2,"
		"\"Column\":2},{\"FunctionName\":\"use\",\"FileName\":\"/src/"
		"u.cc\",\"Line\":8,"
		"\"Column\":1}]"},
	{{"/b/fuzz", 7, 0x50},
		"[{\"FunctionName\":\"\",\"FileName\":\"\",\"Line\":0,\"Column\":0}]"},
	{{"/b/fuzz", 7, 0x60},
		"[{\"FunctionName\":\"__tsan_thread_start_func\",\"FileName\":\"\","
		"\"Line\":0,"
		"\"Column\":0}]"},
	{{"/b/fuzz", 7, 0x70},
		"[{\"FunctionName\":\"find\",\"FileName\":\"/usr/include/c++/12/"
		"map\",\"Line\":4,"
		"\"Column\":3}]"},
};

static void fill(struct san_symbol_cache *cache)
{
	size_t i;

	for (i = 0; i < IW_COUNT(known); i++) {
		const struct san_place *p = &known[i].place;
		_auto_free_ char *line = iw_fmt("{\"Address\":\"0x%llx\",\"ModuleName\":"
						"\"/b/fuzz\",\"Symbol\":%s}",
			(unsigned long long)p->offset, known[i].symbols);
		struct san_symbol *symbol = san_symbol_read(p, line, strlen(line), NULL);

		assert_non_null(symbol);
		assert_true(san_symbol_cache_add(cache, p, symbol));
	}
}

static const struct san_symbol *find(void *ctx, const struct san_place *place)
{
	return san_symbol_cache_find(ctx, place);
}

static const struct {
	const char *what;
	int major;
	const char *before, *after;
} texts[] = {
	{"inlined frames count on, and the summary has the innermost", 19,
		"==1==ERROR: AddressSanitizer: heap-use-after-free on address 0x1\n"
		"    #0 0x5510  (/b/fuzz+0x10) (BuildId: ab12)\n"
		"    #1 0x5520  (/b/fuzz+0x20) (BuildId: ab12)\n"
		"    #2 0x5599  (/b/fuzz+0x99) (BuildId: ab12)\n"
		"\n"
		"freed by thread T0 here:\n"
		"    #0 0x5530  (/b/fuzz+0x30) (BuildId: ab12)\n"
		"    #1 0x5520  (/b/fuzz+0x20) (BuildId: ab12)\n"
		"\n"
		"SUMMARY: AddressSanitizer: heap-use-after-free (/b/fuzz+0x10) (BuildId: "
		"ab12) \n"
		"ABORTING\n",
		"==1==ERROR: AddressSanitizer: heap-use-after-free on address 0x1\n"
		"    #0 0x5510 in deep /src/a.c:5:7\n"
		"    #1 0x5510 in outer /src/a.c:9\n"
		"    #2 0x5520 in main m.c:3:1\n"
		"    #3 0x5599  (/b/fuzz+0x99) (BuildId: ab12)\n"
		"\n"
		"freed by thread T0 here:\n"
		"    #0 0x5530 in free (/b/fuzz+0x30) (BuildId: ab12)\n"
		"    #1 0x5520 in main m.c:3:1\n"
		"\n"
		"SUMMARY: AddressSanitizer: heap-use-after-free /src/a.c:5:7 in deep\n"
		"ABORTING\n"},
	{"old runtimes keep their interceptors' names", 14,
		"    #0 0x5530  (/b/fuzz+0x30) (BuildId: ab12)\n",
		"    #0 0x5530 in __interceptor_free (/b/fuzz+0x30) (BuildId: ab12)\n"},
	{"gcc has no build id", 19, "    #0 0x5510  (/b/fuzz+0x10)\n",
		"    #0 0x5510 in deep /src/a.c:5:7\n    #1 0x5510 in outer "
		"/src/a.c:9\n"},
	{"a new summary passes over the C++ library's frames", 19,
		"    #0 0x5540  (/b/fuzz+0x40)\n"
		"SUMMARY: MemorySanitizer: use-of-uninitialized-value (/b/fuzz+0x40) \n",
		"    #0 0x5540 in at /usr/include/c++/12/array:2:2\n"
		"    #1 0x5540 in use /src/u.cc:8:1\n"
		"SUMMARY: MemorySanitizer: use-of-uninitialized-value /src/u.cc:8:1 in "
		"use\n"},
	{"also where they were not inlined", 19,
		"    #0 0x5570  (/b/fuzz+0x70)\n"
		"    #1 0x5540  (/b/fuzz+0x40)\n"
		"SUMMARY: AddressSanitizer: SEGV (/b/fuzz+0x70) \n",
		"    #0 0x5570 in find /usr/include/c++/12/map:4:3\n"
		"    #1 0x5540 in at /usr/include/c++/12/array:2:2\n"
		"    #2 0x5540 in use /src/u.cc:8:1\n"
		"SUMMARY: AddressSanitizer: SEGV /src/u.cc:8:1 in use\n"},
	{"an old one does not", 14,
		"    #0 0x5540  (/b/fuzz+0x40)\n"
		"SUMMARY: MemorySanitizer: use-of-uninitialized-value (/b/fuzz+0x40) \n",
		"    #0 0x5540 in at /usr/include/c++/12/array:2:2\n"
		"    #1 0x5540 in use /src/u.cc:8:1\n"
		"SUMMARY: MemorySanitizer: use-of-uninitialized-value "
		"/usr/include/c++/12/array:2:2 in at\n"},
	{"a race has frames of its own, which end at main", 19,
		"WARNING: ThreadSanitizer: data race (pid=1)\n"
		"  Write of size 4 at 0x5 by main thread:\n"
		"    #0 0x5511  (/b/fuzz+0x10) (BuildId: ab12)\n"
		"    #1 0x5531  (/b/fuzz+0x30) (BuildId: ab12)\n"
		"    #2 0x5521  (/b/fuzz+0x20) (BuildId: ab12)\n"
		"    #3 0x7721  (/lib/libc.so.6+0x99) (BuildId: cd)\n"
		"\n"
		"  Previous write of size 4 at 0x5 by thread T1:\n"
		"    #0 <null> <null> (fuzz+0x10) (BuildId: ab12)\n"
		"    #1 <null> <null> (fuzz+0x60) (BuildId: ab12)\n"
		"\n"
		"SUMMARY: ThreadSanitizer: data race (/b/fuzz+0x10) (BuildId: ab12) \n"
		"    #0 0x5520  (/b/fuzz+0x20) (BuildId: ab12)\n",
		"WARNING: ThreadSanitizer: data race (pid=1)\n"
		"  Write of size 4 at 0x5 by main thread:\n"
		"    #0 deep /src/a.c:5:7 (fuzz+0x10) (BuildId: ab12)\n"
		"    #1 outer /src/a.c:9 (fuzz+0x10)\n"
		"    #2 free <null> (fuzz+0x30) (BuildId: ab12)\n"
		"    #3 main m.c:3:1 (fuzz+0x20) (BuildId: ab12)\n"
		"\n"
		"  Previous write of size 4 at 0x5 by thread T1:\n"
		"    #0 deep /src/a.c:5:7 (fuzz+0x10) (BuildId: ab12)\n"
		"    #1 outer /src/a.c:9 (fuzz+0x10)\n"
		"\n"
		"SUMMARY: ThreadSanitizer: data race /src/a.c:5:7 in deep\n"
		"    #0 0x5520 in main m.c:3:1\n"},
	{"what a place has no name for stays as it was", 19,
		"    #0 0x5550  (/b/fuzz+0x50) (BuildId: ab12)\n"
		"    #1 0x5510  (/b/fuzz+0x10)\n"
		"    #2 0x77  (<unknown module>)\n"
		"SUMMARY: AddressSanitizer: SEGV (/b/fuzz+0x50) (BuildId: ab12) \n",
		"    #0 0x5550  (/b/fuzz+0x50) (BuildId: ab12)\n"
		"    #1 0x5510 in deep /src/a.c:5:7\n"
		"    #2 0x5510 in outer /src/a.c:9\n"
		"    #3 0x77  (<unknown module>)\n"
		"SUMMARY: AddressSanitizer: SEGV (/b/fuzz+0x50) (BuildId: ab12) \n"},
	{"what has names already, or only looks like a frame, stays", 19,
		"    #0 0x5510 in f /src/a.c:1:2\n#12 NEW cov: 3\n"
		"    #0 0x5510  (/b/fuzz+0x10\n    #1 0x  (/b/fuzz+0x10)\n#\n# 1\n"
		"SUMMARY: AddressSanitizer: 4 byte(s) leaked in 1 allocation(s).\n"
		"no line feed (/b/fuzz+0x10)",
		"    #0 0x5510 in f /src/a.c:1:2\n#12 NEW cov: 3\n"
		"    #0 0x5510  (/b/fuzz+0x10\n    #1 0x  (/b/fuzz+0x10)\n#\n# 1\n"
		"SUMMARY: AddressSanitizer: 4 byte(s) leaked in 1 allocation(s).\n"
		"no line feed (/b/fuzz+0x10)"},
};

static void test_texts_get_names(void **state)
{
	struct san_symbol_cache cache = {0};
	size_t i;

	(void)state;
	fill(&cache);
	for (i = 0; i < IW_COUNT(texts); i++) {
		struct san_symbolize_spec spec = {
			.text = texts[i].before,
			.len = strlen(texts[i].before),
			.binary = "/b/fuzz",
			.major = texts[i].major,
		};
		struct iw_buf out = {0};

		san_symbolize(&spec, find, &cache, &out);
		if (strcmp(out.data, texts[i].after) != 0)
			print_error("%s\n", texts[i].what);
		assert_string_equal(out.data, texts[i].after);
		iw_buf_fini(&out);
	}
	san_symbol_cache_fini(&cache);
}

static void count(void *ctx, const struct san_place *place)
{
	*(uint64_t *)ctx = *(uint64_t *)ctx * 256 + place->offset;
}

static void test_places_are_asked_for_in_order(void **state)
{
	struct san_symbolize_spec spec = {
		.text = texts[0].before, .len = strlen(texts[0].before)};
	uint64_t offsets = 0;

	(void)state;
	san_symbolize_ask(&spec, count, &offsets);
	assert_int_equal(offsets, 0x102099302010);
}

/* A name of 16 KB for each of ten thousand frames would be 160 MB. */
static void test_names_cannot_make_a_text_large(void **state)
{
	struct san_symbol_cache cache = {0};
	struct san_place place = PLACE("/b/fuzz", 1);
	_auto_free_ char *name = iw_malloc(40000);
	_auto_free_ char *line = NULL;
	struct iw_buf text = {0}, out = {0};
	struct san_symbolize_spec spec = {0};
	size_t i;

	(void)state;
	memset(name, 'x', 39999);
	name[39999] = '\0';
	line = iw_fmt("{\"Address\":\"0x1\",\"ModuleName\":\"/b/fuzz\",\"Symbol\":[{"
		      "\"FunctionName\":\"%s\"}]}",
		name);
	san_symbol_cache_add(
		&cache, &place, san_symbol_read(&place, line, strlen(line), NULL));
	for (i = 0; i < 10000; i++)
		iw_buf_adds(&text, "    #0 0x5  (/b/fuzz+0x1)\n");
	spec.text = text.data;
	spec.len = text.len;
	san_symbolize(&spec, find, &cache, &out);
	assert_in_range(out.len, text.len, text.len + (6u << 20));
	iw_buf_fini(&text);
	iw_buf_fini(&out);
	san_symbol_cache_fini(&cache);
}

static const struct {
	const char *line;
	bool is_answer;
} answers[] = {
	{"{\"Address\":\"0x10\",\"ModuleName\":\"/b/fuzz\",\"Symbol\":[]}", true},
	{"{\"Address\":\"0x10\",\"Error\":{\"Message\":\"no\"},\"ModuleName\":\"/b/"
	 "fuzz\"}",
		true},
	{"{\"Address\":\"0x11\",\"ModuleName\":\"/b/fuzz\",\"Symbol\":[]}", false},
	{"{\"Address\":\"0x10\",\"ModuleName\":\"/b/fuz\",\"Symbol\":[]}", false},
	{"{\"Address\":\"0x10\",\"ModuleName\":\"/b/fuzzy\",\"Symbol\":[]}", false},
	{"{\"Address\":\"\",\"ModuleName\":\"/b/fuzz\",\"Symbol\":[]}", false},
	{"{\"Address\":16,\"ModuleName\":\"/b/fuzz\",\"Symbol\":[]}", false},
	{"{\"Address\":\"0x10\",\"Symbol\":[]}", false},
	{"", false},
	{"{", false},
	{"[]", false},
	{"deep", false},
};

static void test_answers_answer_the_question(void **state)
{
	struct san_place place = PLACE("/b/fuzz", 0x10);
	size_t i;

	(void)state;
	for (i = 0; i < IW_COUNT(answers); i++) {
		struct san_symbol *symbol = san_symbol_read(
			&place, answers[i].line, strlen(answers[i].line), NULL);

		assert_int_equal(symbol != NULL, answers[i].is_answer);
		assert_true(!symbol || symbol->count == 0);
		free(symbol);
	}
}

/* Names are foreign: lines end where ours do, numbers are numbers. */
static void test_hostile_names_stay_in_their_line(void **state)
{
	static const char line[] =
		"{\"Address\":\"0x10\",\"ModuleName\":\"/b/fuzz\",\"Symbol\":[{"
		"\"FunctionName\":\"a\\n==1==ERROR: \\u001b[2J\\u0000b\",\"FileName\":7,"
		"\"Line\":-3,\"Column\":99999999999},7,{\"FunctionName\":\"??\"}]}";
	struct san_place place = PLACE("/b/fuzz", 0x10);
	struct san_symbol *symbol = san_symbol_read(&place, line, sizeof line - 1, NULL);

	(void)state;
	assert_non_null(symbol);
	assert_int_equal(symbol->count, 3);
	assert_string_equal(symbol->calls[0].function, "a?==1==ERROR: ?[2J?b");
	assert_null(symbol->calls[0].file);
	assert_int_equal(symbol->calls[0].line, 0);
	assert_int_equal(symbol->calls[0].column, 0);
	assert_null(symbol->calls[2].function);
	free(symbol);
}

static void test_paths_that_a_question_cannot_hold(void **state)
{
	static const char *const paths[] = {
		"", "fuzz", "/a\"b", "/a\nb", "/a\\b", "/a\x80", "/it's"};
	struct san_place good = PLACE("/a b/(c)+x", 0x1f);
	struct iw_buf out = {0};
	size_t i;

	(void)state;
	for (i = 0; i < IW_COUNT(paths); i++) {
		struct san_place place = {paths[i], strlen(paths[i]), 1};

		assert_false(san_place_can_ask(&place));
	}
	assert_true(san_place_can_ask(&good));
	san_place_ask(&good, &out);
	assert_string_equal(out.data, "CODE \"/a b/(c)+x\" 0x1f\n");
	iw_buf_fini(&out);
}

static void test_cache_remembers_and_forgets(void **state)
{
	struct san_symbol_cache cache = {0};
	uint64_t i;

	(void)state;
	for (i = 0; i < 5000; i++) {
		struct san_place place = PLACE("/b/fuzz", i * 4096);
		struct san_symbol *symbol = iw_calloc(1, sizeof *symbol);

		symbol->bytes = sizeof *symbol;
		symbol->count = i;
		assert_null(san_symbol_cache_find(&cache, &place));
		assert_true(san_symbol_cache_add(&cache, &place, symbol));
		assert_false(san_symbol_cache_add(&cache, &place, NULL));
	}
	for (i = 0; i < 5000; i++) {
		struct san_place place = PLACE("/b/fuzz", i * 4096);
		struct san_place other = PLACE("/b/fuzy", i * 4096);

		assert_int_equal(san_symbol_cache_find(&cache, &place)->count, i);
		assert_null(san_symbol_cache_find(&cache, &other));
	}
	assert_true(cache.bytes > 5000 * sizeof(struct san_symbol));
	san_symbol_cache_fini(&cache);
	assert_int_equal(cache.bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts_get_names),
		cmocka_unit_test(test_places_are_asked_for_in_order),
		cmocka_unit_test(test_names_cannot_make_a_text_large),
		cmocka_unit_test(test_answers_answer_the_question),
		cmocka_unit_test(test_hostile_names_stay_in_their_line),
		cmocka_unit_test(test_paths_that_a_question_cannot_hold),
		cmocka_unit_test(test_cache_remembers_and_forgets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
