/* Frames: splitting lines, plumbing, normalising, states and signatures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "sanitizers/demangle.h"
#include "sanitizers/frames.h"
#include "sanitizers/report.h"

#include "base/banned.h"

#define HEADER "==1==ERROR: AddressSanitizer: SEGV on unknown address 0x41414141 (pc 1)\n"

static const struct {
	const char *line, *function, *file;
	int row, column;
	const char *module;
	uint64_t offset;
} lines[] = {
	{"#0 0x1 in main /a/b.c:3:5", "main", "/a/b.c", 3, 5, NULL, 0},
	{"#0 0x1 in main b.c:3", "main", "b.c", 3, 0, NULL, 0},
	{"#0 0x1 in mill::(anonymous namespace)::f(int, char const*) const b.cc:3:1",
		"mill::(anonymous namespace)::f(int, char const*) const", "b.cc", 3, 1,
		NULL, 0},
	{"#0 0x1 in operator new(unsigned long)", "operator new(unsigned long)", NULL, 0,
		0, NULL, 0},
	{"#0 0x1 in operator() b.cc:3:1", "operator()", "b.cc", 3, 1, NULL, 0},
	{"#0 0x1 in run<(lambda at ../x/y.cc:1:2)> ../x/z.h:9",
		"run<(lambda at "
		"../x/y.cc:1:2)>",
		"../x/z.h", 9, 0, NULL, 0},
	{"#0 0x1 in f(int) /a dir/b.c:3:5", "f(int)", "/a dir/b.c", 3, 5, NULL, 0},
	{"#0 0x1 in malloc (/b/mill+0x2f) (BuildId: 00ff)", "malloc", NULL, 0, 0,
		"/b/mill", 0x2f},
	{"#0 0x1  (/b/mill (old)+0x2f)", NULL, NULL, 0, 0, "/b/mill (old)", 0x2f},
	{"#0 0x1  (<unknown module>)", NULL, NULL, 0, 0, NULL, 0},
	{"#0 0x1  strike", "strike", NULL, 0, 0, NULL, 0},
	{"#0 strike b.c:3:1 (mill+0x10)", "strike", "b.c", 3, 1, "mill", 0x10},
	{"#0 <null> <null> (mill+0x10)", NULL, NULL, 0, 0, "mill", 0x10},
	{"#0  0x1 in strike (n=3, s=\"x\") at forge.c:12", "strike", "forge.c", 12, 0,
		NULL, 0},
	{"#4  0x1 in std::terminate() () from /lib/libstdc++.so.6", "std::terminate()",
		NULL, 0, 0, "/lib/libstdc++.so.6", 0},
	{"#4  0x1 in ?? () from /lib/libc.so.6", NULL, NULL, 0, 0, "/lib/libc.so.6", 0},
	{"1   0x1 WTF::g(int)", "WTF::g(int)", NULL, 0, 0, NULL, 0},
	{"@     0x1  mill::f()", "mill::f()", NULL, 0, 0, NULL, 0},
	/* What tools print that do not demangle. */
	{"#0 0x1 in _ZN4mill3Ore4loadEPKc ore.cc:3", "mill::Ore::load(char const*)",
		"ore.cc", 3, 0, NULL, 0},
	{"#0 0x1 in _ZN4mill4loadIiEEvT_+0x12 (/b/mill+0x2f)",
		"void mill::load<int>(int)", NULL, 0, 0, "/b/mill", 0x2f},
	{"@ 0x1 _ZN12_GLOBAL__N_14loadEv", "(anonymous namespace)::load()", NULL, 0, 0,
		NULL, 0},
	{"/b/mill(_ZN4mill3Ore4loadEPKc+0x1a) [0x55d0]", "mill::Ore::load(char const*)",
		NULL, 0, 0, "/b/mill", 0},
	{"./mill(main+0x1a)[0x55d0]", "main", NULL, 0, 0, "./mill", 0},
	{"#0 0x1 in _ZN3ore4load17h0123456789abcdefE ore.rs:3", "ore::load", "ore.rs", 3,
		0, NULL, 0},
	{"#0 0x1 in _RNvCs1234_3ore4load ore.rs:3", "ore::load", "ore.rs", 3, 0, NULL, 0},
	{"#0 0x1 in _Zebra ore.c:3", "_Zebra", "ore.c", 3, 0, NULL, 0},
	{"#0 0x1 in _ZN4broken ore.c:3", "_ZN4broken", "ore.c", 3, 0, NULL, 0},
};

static void equal_or_null(const char *found, const char *expected)
{
	assert_string_equal(found ? found : "(null)", expected ? expected : "(null)");
}

static void test_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < IW_COUNT(lines); i++) {
		struct iw_arena *arena = iw_arena_new();
		char *text = iw_arena_fmt(arena, "%s   %s\n", HEADER, lines[i].line);
		struct san_report *r;
		const struct san_frame *f;
		size_t count;

		san_report_parse(arena, text, strlen(text), &r, &count, NULL);
		assert_int_equal(count, 1);
		if (!r->stack_count)
			fail_msg("no frame in: %s", lines[i].line);
		f = &r->stacks[0].frames[0];
		equal_or_null(f->function, lines[i].function);
		equal_or_null(f->file, lines[i].file);
		equal_or_null(f->module, lines[i].module);
		assert_int_equal(f->line, lines[i].row);
		assert_int_equal(f->column, lines[i].column);
		assert_int_equal(f->offset, lines[i].offset);
		iw_arena_free(arena);
	}
}

static void test_normalise(void **state)
{
	static const struct {
		struct san_frame frame;
		const char *name;
	} cases[] = {
		{{.function = "mill::(anonymous namespace)::f(int)"}, "mill::f"},
		{{.function = "a::b[abi:cxx11](int)"}, "a::b"},
		{{.function = "x<int (*)(char)>::g()"}, "x::g"},
		{{.function = "a::b<c<d>, e>::f<g>(int) const"}, "a::b::f"},
		{{.function = "std::ostream& a::operator<< <char>(b<c>&)"},
			"a::operator<<"},
		{{.function = "unsigned long a::f<b<c*>, d>(b<c*>)"}, "a::f"},
		{{.function = "uint8_t *f(const struct input *)"}, "f"},
		{{.function = "a::operator unsigned long() const"},
			"a::operator unsigned long"},
		{{.function = "<alloc::Vec as core::Clone>::clone"},
			"<alloc::Vec as core::Clone>::clone"},
		{{.function = "a<b>::operator->() const"}, "a::operator->"},
		{{.function = "a<decltype(b->c)>::d()"}, "a::d"},
		{{.function = "<ore::Cart<T> as core::ops::Drop>::drop"},
			"<ore::Cart as core::ops::Drop>::drop"},
		{{.function = "ore::load::<u8>::inner"}, "ore::load::inner"},
		{{.function = "cut<short"}, "cut<short"},
		{{.function = "a::operator()(int) const"}, "a::operator()"},
		{{.function = "stub_0x7f00aa_12345"}, "stub_ADDRESS_NUMBER"},
		{{.function = "sha256_block_1"}, "sha256_block_1"},
		{{.function = "LLVMFuzzerTestOneInput", .file = "/src/fuzz/ore.cc"},
			"ore.cc"},
		{{.function = "LLVMFuzzerTestOneInput"}, NULL},
		{{.module = "/b/mill", .offset = 16}, "/b/mill"},
		{{.function = "example.org/mill/ore.(*Cart).Load(0x1, {0x2, 0x3})",
			 .is_go = true},
			"ore.(*Cart).Load"},
		{{.file = "x.c"}, NULL},
	};
	struct iw_arena *arena = iw_arena_new();

	(void)state;
	for (size_t i = 0; i < IW_COUNT(cases); i++)
		equal_or_null(san_frame_normalise(arena, &cases[i].frame), cases[i].name);
	assert_string_equal(san_text_normalise(arena, "n == 12 at 0x7fff0000 of 4096"),
		"n == 12 at ADDRESS of NUMBER");
	assert_string_equal(
		san_text_normalise(arena, "file.cc:1234 v1.2.3"), "file.cc:1234 vNUMBER");
	iw_arena_free(arena);
}

/* Names that would fill memory, or say what a terminal should do. */
static void test_hostile_names(void **state)
{
	struct iw_arena *arena = iw_arena_new();
	struct iw_buf name = {0};

	(void)state;
	/* Each type is two of the one before it. */
	iw_buf_adds(&name, "_Z1fI1aIiiE");
	for (int i = 0; i < 20; i++)
		iw_buf_addf(&name, "1aIS%d_S%d_E", i, i);
	iw_buf_adds(&name, "Evv");
	assert_null(san_name_demangle(arena, name.data, name.len, SAN_MANGLED_MAX));
	iw_buf_clear(&name);
	iw_buf_adds(&name, "_Z1f");
	for (int i = 0; i < 900; i++)
		iw_buf_adds(&name, "P");
	iw_buf_adds(&name, "i");
	assert_null(san_name_demangle(arena, name.data, name.len, 512));
	assert_null(san_name_demangle(arena, "_Z3a\x1b[v", 8, 512));
	assert_null(san_name_demangle(arena, "_RNvC1au3abc", 12, 512));
	assert_null(san_name_demangle(arena, "_Z", 2, 512));
	assert_null(san_name_demangle(arena, NULL, 0, 512));
	assert_string_equal(san_name_demangle(arena, "__Z1fv", 6, 512), "f()");
	iw_buf_fini(&name);
	iw_arena_free(arena);
}

static void test_go_escapes(void **state)
{
	static const char *const cases[][2] = {
		{"gopkg.in/yaml%2ev2.(*D).f", "gopkg.in/yaml.v2.(*D).f"},
		{"a%2", "a%2"},
		{"a%zzb%", "a%zzb%"},
		{"a%1b%00b", "a%1b%00b"},
		{"", ""},
	};

	(void)state;
	for (size_t i = 0; i < IW_COUNT(cases); i++) {
		_auto_free_ char *name = iw_strdup(cases[i][0]);

		san_name_unescape_go(name);
		assert_string_equal(name, cases[i][1]);
	}
}

static void test_plumbing(void **state)
{
	static const struct {
		struct san_frame frame;
		bool is_plumbing;
	} cases[] = {
		{{.function = "__asan_memcpy"}, true},
		{{.function = "operator new[](unsigned long)"}, true},
		{{.function = "fuzzer::Fuzzer::RunOne(int)"}, true},
		{{.function = "__libc_start_main"}, true},
		{{.function = "std::vector<int>::at(int)"}, true},
		{{.function = "size", .file = "/usr/include/c++/12/vector"}, true},
		{{.function = "main"}, true},
		{{.function = "vsprintf"}, true},
		{{.function = "pvalloc"}, true},
		{{.function = "__clang_call_terminate"}, true},
		{{.function = "operator()", .file = "/usr/include/c++/12/f.h"}, true},
		{{.function = "operator()", .file = "/src/mill.cc"}, false},
		{{.function = "mainline_load"}, false},
		{{.function = "freeze"}, false},
		{{.function = "raise_fee(int)"}, false},
		{{.function = "abort_transaction"}, false},
		{{.module = "/lib/x86_64-linux-gnu/libc.so.6"}, true},
		{{.module = "/b/mill"}, false},
		{{.function = "CBlock::GetHash() const"}, false},
		{{0}, true},
	};

	(void)state;
	for (size_t i = 0; i < IW_COUNT(cases); i++)
		assert_int_equal(
			san_frame_is_plumbing(&cases[i].frame), cases[i].is_plumbing);
}

/* Two threads' accesses in either order are one race. */
static void test_race_order(void **state)
{
	static const char *const orders[] = {
		"    #0 fill a.c:1 (m+0x1)\n\n  Previous read of size 4 at 0x1 by main "
		"thread:\n    #0 weigh a.c:2 (m+0x2)\n",
		"    #0 weigh a.c:2 (m+0x2)\n\n  Previous read of size 4 at 0x1 by main "
		"thread:\n    #0 fill a.c:1 (m+0x1)\n"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct iw_arena *arena = iw_arena_new();
		struct san_sig_frame frames[SAN_SIGNATURE_BOTH];
		char *text = iw_arena_fmt(arena,
			"WARNING: ThreadSanitizer: data race (pid=1)\n"
			"  Write of size 4 at 0x1 by thread T1:\n%s",
			orders[i]);
		struct san_report *r;
		size_t count, other;

		san_report_parse(arena, text, strlen(text), &r, &count, NULL);
		assert_int_equal(count, 1);
		assert_int_equal(
			san_report_signature_frames(arena, r, frames, &other), 2);
		assert_int_equal(other, 1);
		assert_string_equal(frames[0].function, "fill");
		assert_string_equal(frames[1].function, "weigh");
		assert_string_equal(frames[1].file, "a.c");
		iw_arena_free(arena);
	}
}

static char *recursion(struct iw_arena *arena, int depth)
{
	struct iw_buf text = {0};
	char *copy;

	iw_buf_adds(&text,
		"==1==ERROR: AddressSanitizer: stack-overflow on address "
		"0x7ffd0000 (pc 0x1 bp 0x2 sp 0x3 T0)\n");
	for (int i = 0; i < depth; i++)
		iw_buf_addf(&text, "    #%d 0x1 in %s a.c:%d\n", i,
			i == 0		? "leaf"
				: i % 2 ? "ping"
					: "pong",
			i);
	copy = iw_arena_strdup(arena, text.data);
	iw_buf_fini(&text);
	return copy;
}

/* Wherever a stack without names ended, what comes again is at the same places. */
static void test_recursion_without_names(void **state)
{
	static const char *const inner[] = {"1c2", "1f0", "207"};

	(void)state;
	for (size_t i = 0; i < IW_COUNT(inner); i++) {
		struct iw_arena *arena = iw_arena_new();
		struct san_sig_frame frames[SAN_SIGNATURE_BOTH];
		struct iw_buf text = {0};
		struct san_report *r;
		size_t count, k;

		iw_buf_addf(&text,
			"ironworks-driver: killed by stack-overflow on address 0x7f0 "
			"(pc 0x1 sp 0x2)\n    #0 0x1  (/opt/tool+0x1%s)\n",
			inner[i]);
		for (k = 1; k < 40; k++)
			iw_buf_addf(&text, "    #%zu 0x1  (/opt/tool+0x%s)\n", k,
				(k + i) % 2 ? "1207" : "1246");
		san_report_parse(arena, text.data, text.len, &r, &count, NULL);
		assert_int_equal(count, 1);
		count = san_report_signature_frames(arena, r, frames, NULL);
		assert_int_equal(count, 2);
		for (k = 0; k < count; k++)
			assert_non_null(
				strstr("tool+0x1207 tool+0x1246", frames[k].function));
		iw_buf_fini(&text);
		iw_arena_free(arena);
	}
}

static void test_recursion(void **state)
{
	static const int depths[] = {20, 21, 200, 249, 1000};

	(void)state;
	for (size_t i = 0; i < IW_COUNT(depths); i++) {
		struct iw_arena *arena = iw_arena_new();
		char *text = recursion(arena, depths[i]);
		struct san_sig_frame frames[SAN_SIGNATURE_BOTH];
		struct san_report *r;
		size_t count;

		san_report_parse(arena, text, strlen(text), &r, &count, NULL);
		assert_int_equal(count, 1);
		assert_string_equal(
			san_report_state(arena, r, NULL), "ping\npong\nping\n");
		/* Whom they called last takes no part. */
		count = san_report_signature_frames(arena, r, frames, NULL);
		assert_int_equal(count, 2);
		assert_string_equal(frames[0].function, "ping");
		assert_string_equal(frames[1].function, "pong");
		iw_arena_free(arena);
	}
}

static void test_state_target(void **state)
{
	static const struct san_state_opts opts = {"ore_fuzz", false};
	static const char text[] = "==1== ERROR: libFuzzer: timeout after 5 seconds\n"
				   "    #0 0x1 in spin a.c:1\n";
	struct iw_arena *arena = iw_arena_new();
	struct san_report *r;
	size_t count;

	(void)state;
	san_report_parse(arena, text, sizeof text - 1, &r, &count, NULL);
	assert_string_equal(san_report_state(arena, r, NULL), "spin\n");
	assert_string_equal(san_report_state(arena, r, &opts), "ore_fuzz\n");
	iw_arena_free(arena);
}

/* The address before a function's first instruction, where a timer's signal may come, is
 * nobody's. Of a stack without any names it is as good as the others. */
static void test_interrupted_between_functions(void **state)
{
	static const char named[] = "==1== ERROR: libFuzzer: timeout after 5 seconds\n"
				    "    #0 0x1  (/b/mill+0xacb7f) (BuildId: 00ff)\n"
				    "    #1 0x2 in spin a.c:1\n"
				    "    #2 0x3 in turn a.c:2\n";
	static const char bare[] = "==1== ERROR: libFuzzer: timeout after 5 seconds\n"
				   "    #0 0x1  (/b/mill+0xacb7f) (BuildId: 00ff)\n"
				   "    #1 0x2  (/b/mill+0xacc00) (BuildId: 00ff)\n";
	struct san_sig_frame frames[SAN_SIGNATURE_BOTH];
	struct iw_arena *arena = iw_arena_new();
	struct san_report *r;
	size_t count;

	(void)state;
	san_report_parse(arena, named, sizeof named - 1, &r, &count, NULL);
	assert_string_equal(san_report_state(arena, r, NULL), "spin\nturn\n");
	assert_int_equal(san_report_signature_frames(arena, r, frames, NULL), 2);
	assert_string_equal(frames[0].function, "spin");
	san_report_parse(arena, bare, sizeof bare - 1, &r, &count, NULL);
	assert_int_equal(san_report_signature_frames(arena, r, frames, NULL), 2);
	iw_arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_normalise),
		cmocka_unit_test(test_hostile_names),
		cmocka_unit_test(test_go_escapes),
		cmocka_unit_test(test_plumbing),
		cmocka_unit_test(test_race_order),
		cmocka_unit_test(test_recursion),
		cmocka_unit_test(test_recursion_without_names),
		cmocka_unit_test(test_state_target),
		cmocka_unit_test(test_interrupted_between_functions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
