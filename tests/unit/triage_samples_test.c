/* Samples in a report: what they share names the hang, wherever the report itself stands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "engine/driver_format.h"
#include "triage/reproduce.h"
#include "triage/samples.h"

#include "base/banned.h"

#define ENTRY "LLVMFuzzerTestOneInput"
#define DEEP 80

/* frames: "leaf < caller < entry". */
static void add_stack(struct iw_buf *text, const char *frames)
{
	int number = 0;

	while (*frames) {
		size_t len = strcspn(frames, " ");

		iw_buf_addf(text, "    #%d 0x55d%d in %.*s /src/p.c:%d:1\n", number,
			number, (int)len, frames, number + 1);
		number++;
		frames += len;
		frames += strncmp(frames, " < ", 3) == 0 ? 3 : 0;
	}
}

static void add_sample(struct iw_buf *text, int number, const char *frames)
{
	iw_buf_addf(text, "\n" IW_SAMPLE_HEADING "%d\n", number);
	add_stack(text, frames);
	iw_buf_addf(text, IW_SAMPLE_END "%d\n", number);
}

static void add_report(struct iw_buf *text, const char *frames)
{
	iw_buf_adds(text,
		"ALARM: working on the last Unit for 1 seconds\n"
		"==7== ERROR: libFuzzer: timeout after 1 seconds\n");
	add_stack(text, frames);
	iw_buf_adds(text, "SUMMARY: libFuzzer: timeout\n");
}

static struct triage_signature read_text(const struct iw_buf *text)
{
	struct triage_signature sig = {0};

	assert_true(triage_read_report(text->data, text->len, NULL, &sig, NULL));
	assert_string_equal(sig.type, "Timeout");
	return sig;
}

static void expect_frames(const struct triage_frames *frames, const char *expected)
{
	_auto_(iw_buf_fini) struct iw_buf got = {0};
	size_t i;

	for (i = 0; i < frames->count; i++)
		iw_buf_addf(&got, "%s%s", i ? " < " : "", frames->names[i]);
	assert_string_equal(got.len ? got.data : "", expected);
}

static void the_loop_is_what_all_share(void **state)
{
	_auto_(iw_buf_fini) struct iw_buf text = {0};
	_auto_(triage_signature_fini) struct triage_signature sig = {0};
	_auto_free_ char *told = NULL;
	size_t len;

	(void)state;
	iw_buf_adds(&text, "INFO: something\n");
	add_sample(&text, 1, "mix < loop_a < parse < " ENTRY);
	add_sample(&text, 2, "stir < loop_a < parse < " ENTRY);
	add_sample(&text, 3, "memcpy < shake < loop_a < parse < " ENTRY);
	add_report(&text, "mix < loop_a < parse < " ENTRY);
	sig = read_text(&text);
	expect_frames(&sig.frames, "loop_a < parse < p.c");
	expect_frames(&sig.inside, "mix < stir < shake");
	assert_int_equal(sig.samples, 4);

	told = triage_samples_sum_up(text.data, text.len, &sig, &len);
	assert_null(strstr(told, IW_SAMPLE_HEADING));
	assert_null(strstr(told, "stir /src"));
	assert_null(strstr(told, "\n\n\n"));
	assert_ptr_equal(strstr(told, "INFO: something\nALARM: "), told);
	assert_non_null(strstr(told,
		"4 stacks of it while it hung share, innermost first: "
		"loop_a, parse, p.c; below are at times: mix, stir, "
		"shake\n"));
	assert_int_equal(strlen(told), len);
}

/* The engine may interrupt another thread than that which hangs. */
static void the_report_of_another_thread_changes_nothing(void **state)
{
	_auto_(iw_buf_fini) struct iw_buf text = {0};
	_auto_(triage_signature_fini) struct triage_signature sig = {0};

	(void)state;
	add_sample(&text, 1, "spin < " ENTRY);
	add_report(&text, "poll < worker < start_thread");
	sig = read_text(&text);
	expect_frames(&sig.frames, "spin < p.c");
	assert_int_equal(sig.inside.count, 0);
}

/* How deep it was interrupted is chance, and the way in is what tells. */
static void a_recursion_is_told_by_its_way_in(void **state)
{
	_auto_(triage_signature_fini) struct triage_signature one = {0}, other = {0};
	struct triage_signature *sigs[] = {&one, &other};
	size_t i, k;

	(void)state;
	for (i = 0; i < 2; i++) {
		_auto_(iw_buf_fini) struct iw_buf text = {0}, stack = {0};

		for (k = 0; k < DEEP + i; k++)
			iw_buf_adds(&stack, k % 2 ? "odd < " : "even < ");
		iw_buf_adds(&stack, "walk < " ENTRY);
		add_report(&text, stack.data);
		*sigs[i] = read_text(&text);
		assert_string_equal(sigs[i]->frames.names[2], "walk");
		assert_int_equal(sigs[i]->frames.count, 4);
	}
	assert_true(triage_signature_same(&one, &one));
}

static void runs_are_joined(void **state)
{
	_auto_(iw_buf_fini) struct iw_buf a = {0}, b = {0};
	_auto_(triage_signature_fini) struct triage_signature one = {0}, two = {0};

	(void)state;
	add_sample(&a, 1, "mix < loop_a < " ENTRY);
	add_sample(&a, 2, "mix < loop_a < " ENTRY);
	add_report(&a, "mix < loop_a < " ENTRY);
	add_sample(&b, 1, "stir < loop_a < " ENTRY);
	add_report(&b, "shake < loop_a < " ENTRY);
	one = read_text(&a);
	two = read_text(&b);
	expect_frames(&one.frames, "mix < loop_a < p.c");
	triage_samples_join(&one, &two);
	expect_frames(&one.frames, "loop_a < p.c");
	expect_frames(&one.inside, "mix < stir < shake");
	assert_int_equal(one.samples, 5);
}

/* Whoever forges the lines changes what is said of his own hang. */
static void broken_samples_do_no_harm(void **state)
{
	static const char *const texts[] = {IW_SAMPLE_HEADING, IW_SAMPLE_HEADING "1\n",
		IW_SAMPLE_END, IW_SAMPLE_END IW_SAMPLE_HEADING IW_SAMPLE_END,
		"\n" IW_SAMPLE_HEADING "1\n    #0 \n" IW_SAMPLE_END};
	size_t i;

	(void)state;
	for (i = 0; i < IW_COUNT(texts); i++) {
		_auto_(iw_buf_fini) struct iw_buf text = {0};
		_auto_(triage_signature_fini) struct triage_signature sig = {0};
		_auto_free_ char *told = NULL;
		size_t len;

		iw_buf_adds(&text, texts[i]);
		iw_buf_adds(&text, "\n");
		add_report(&text, "spin < " ENTRY);
		sig = read_text(&text);
		expect_frames(&sig.frames, "spin < p.c");
		told = triage_samples_sum_up(text.data, text.len, &sig, &len);
		assert_non_null(strstr(told, "libFuzzer: timeout after"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_loop_is_what_all_share),
		cmocka_unit_test(the_report_of_another_thread_changes_nothing),
		cmocka_unit_test(a_recursion_is_told_by_its_way_in),
		cmocka_unit_test(runs_are_joined),
		cmocka_unit_test(broken_samples_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
