/* Where functions begin, by the text alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "adapters/outline.h"
#include "base/buf.h"
#include "base/mem.h"

#include "base/banned.h"

static const struct {
	const char *text, *functions; /* "3 name, " */
} files[] = {
	{"", ""},
	{"int x;\nint f(void);\n\nint f(void)\n{\n\treturn g(1);\n}\n", "4 f, "},
	{"static struct a *\nname(int b)\n{\n}\nint main (void) {\n", "2 name, 5 main, "},
	{"void A::b(int c)\n{\n}\nA::~A() {}\n", "1 A::b, 4 A::~A, "},
	{"func Read(b []byte) int {\n}\nfunc (r *T) Close() error {\n}\n",
		"1 Read, 3 Close, "},
	{"pub fn parse(x: u8) -> u8 {\n}\ndef go(x):\n    go(2)\nclass K(Base):\n",
		"1 parse, 3 go, 5 K, "},
	{"int a = f(1);\nint b = f(\n\t1);\n#define X(y) z\n// no(\n}\n(x)\nif (x\n",
		"8 if, "},
	{"f(\xff\n9(\nx\xc3\xa9(void)\n{", "1 f, 3 x\xc3\xa9, "},
	{"f()", "1 f, "},
	{"__attribute__((noinline)) static int f(int x)\n{\n}\n"
	 "__attribute__((format(printf, 1, 2))) __attribute__((cold))\tg(x)\n{\n}\n"
	 "__attribute__((noinline))\nh(x)\n{\n__attribute__((",
		"1 f, 4 g, 8 h, 10 __attribute__, "},
};

static void test_files(void **state)
{
	size_t i, k;

	(void)state;
	for (i = 0; i < IW_COUNT(files); i++) {
		struct iw_buf out = {0};
		struct outline o;

		outline_read(files[i].text, strlen(files[i].text), &o);
		for (k = 0; k < o.count; k++)
			iw_buf_addf(&out, "%u %s, ", o.functions[k].line,
				o.functions[k].name);
		assert_string_equal(out.data ? out.data : "", files[i].functions);
		iw_buf_fini(&out);
		outline_fini(&o);
	}
}

static void test_find(void **state)
{
	static const char text[] = "\nf()\n{\n}\ng()\n";
	struct outline o;

	(void)state;
	outline_read(text, strlen(text), &o);
	assert_true(outline_find(&o, 1) == SIZE_MAX);
	assert_int_equal(outline_find(&o, 2), 0);
	assert_int_equal(outline_find(&o, 4), 0);
	assert_int_equal(outline_find(&o, 5), 1);
	assert_int_equal(outline_find(&o, UINT32_MAX), 1);
	outline_fini(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_find),
	};

	return cmocka_run_group_tests_name("adapters_outline", tests, NULL, NULL);
}
