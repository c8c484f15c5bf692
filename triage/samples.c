#include "triage/samples.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "engine/driver_format.h"
#include "sanitizers/frames.h"

#include "base/banned.h"

static void fold_stack(struct iw_arena *arena, const struct san_report *report,
	struct triage_signature *sig)
{
	const char *names[TRIAGE_FRAMES_MAX];
	size_t count = san_report_way_in(arena, report, names, IW_COUNT(names));

	triage_signature_sample(sig, names, count);
}

/* The text of one sample, in which its stack stands alone. */
static void fold_sample(const char *text, size_t len, struct triage_signature *sig)
{
	_auto_(iw_arena_freep) struct iw_arena *arena = iw_arena_new();
	struct san_reading reading;

	if (san_report_read(arena, text, len, &reading, NULL) == 0 && reading.count > 0)
		fold_stack(arena, &reading.reports[0], sig);
}

/* One sample of a text: the stack between its two lines, and where those begin and end. */
struct sample {
	const char *begin, *stack, *stack_end, *end;
};

static const char *find(const char *from, const char *end, const char *word)
{
	return memmem(from, (size_t)(end - from), word, strlen(word));
}

static bool find_sample(const char *from, const char *end, struct sample *s)
{
	const char *eol;

	s->begin = find(from, end, IW_SAMPLE_HEADING);
	if (!s->begin)
		return false;
	s->stack = s->begin + strlen(IW_SAMPLE_HEADING);
	/* It comes with a line's end before it. */
	s->begin -= s->begin > from && s->begin[-1] == '\n';
	s->stack_end = find(s->stack, end, IW_SAMPLE_END);
	if (!s->stack_end)
		return false;
	eol = memchr(s->stack_end, '\n', (size_t)(end - s->stack_end));
	s->end = eol ? eol + 1 : end;
	return true;
}

void triage_samples_fold(const char *text, size_t len, const struct san_report *report,
	struct triage_signature *sig)
{
	const char *end = text + len, *at = text;
	struct sample s;
	unsigned n;

	for (n = 0; n < IW_SAMPLES && find_sample(at, end, &s); n++, at = s.end)
		fold_sample(s.stack, (size_t)(s.stack_end - s.stack), sig);
	if (report) {
		_auto_(iw_arena_freep) struct iw_arena *arena = iw_arena_new();

		fold_stack(arena, report, sig);
	}
}

static void add_names(
	struct iw_buf *out, const char *words, const struct triage_frames *frames)
{
	size_t i;

	for (i = 0; i < frames->count; i++)
		iw_buf_addf(out, "%s%s", i ? ", " : words, frames->names[i]);
}

char *triage_samples_sum_up(
	const char *text, size_t len, const struct triage_signature *sig, size_t *out_len)
{
	const char *end = text + len, *at = text;
	struct iw_buf out = {0};
	struct sample s;

	for (; find_sample(at, end, &s); at = s.end)
		iw_buf_add(&out, at, (size_t)(s.begin - at));
	iw_buf_add(&out, at, (size_t)(end - at));
	if (sig->samples > 1 && sig->frames.count > 0) {
		iw_buf_addf(
			&out, "\nironworks: %u stacks of it while it hung", sig->samples);
		add_names(&out, " share, innermost first: ", &sig->frames);
		add_names(&out, "; below are at times: ", &sig->inside);
		iw_buf_adds(&out, "\n");
	}
	*out_len = out.len;
	return out.data ? iw_buf_steal(&out) : iw_strdup("");
}

void triage_samples_join(
	struct triage_signature *into, const struct triage_signature *run)
{
	const char *names[TRIAGE_FRAMES_MAX + 1];
	unsigned samples = into->samples + run->samples;
	size_t i;

	for (i = 0; i < run->frames.count; i++)
		names[i + 1] = run->frames.names[i];
	triage_signature_sample(into, names + 1, run->frames.count);
	/* Each function that was seen below them, as a stack of its own. */
	for (i = 0; i < run->inside.count; i++) {
		names[0] = run->inside.names[i];
		triage_signature_sample(into, names, run->frames.count + 1);
	}
	into->samples = samples;
}
