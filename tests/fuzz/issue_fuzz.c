/* Hostile strings in every field of an issue: its promises hold whatever they are. */
#include "tests/lib/issue_promises.h"

#include <stdlib.h>

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct source {
	const uint8_t *data;
	size_t size;
	char *strings[32];
	size_t count;
};

/* The next string: up to the next 0xff. Each is marked as foreign. */
static char *take(struct source *s)
{
	const uint8_t *end = s->size ? memchr(s->data, 0xff, s->size) : NULL;
	size_t len = end ? (size_t)(end - s->data) : s->size;
	char *string =
		iw_fmt("%.*s%c", (int)len, s->size ? (const char *)s->data : "", FOREIGN);

	s->data += end ? len + 1 : len;
	s->size -= end ? len + 1 : len;
	return s->strings[s->count++] = string;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const outcomes[] = {"staged", "interaction", "pre-existing",
		"suspect", "flaky", "infra", NULL, "?"};
	struct source s = {.data = data + (size > 0), .size = size - (size > 0)};
	unsigned knobs = size ? data[0] : 0;
	const char *frames[3], *log[2];
	struct triage_issue_pr prs[2];
	struct triage_sighting seen;
	struct triage_issue issue;
	size_t i;

	for (i = 0; i < 3; i++)
		frames[i] = take(&s);
	for (i = 0; i < 2; i++)
		log[i] = take(&s);
	for (i = 0; i < 2; i++)
		prs[i] = (struct triage_issue_pr){
			.number = (int)i + 7, .title = take(&s), .url = take(&s)};
	seen = (struct triage_sighting){.target = take(&s),
		.flavour = take(&s),
		.count = 3,
		.first_ms = 1700000000000};
	issue = (struct triage_issue){.outcome = outcomes[knobs & 7],
		.is_unsandboxed = knobs & 8,
		.is_security = knobs & 16,
		.frames = frames,
		.frame_count = knobs & 32 ? 3 : 0,
		.log = log,
		.log_count = 2,
		.prs = prs,
		.pr_count = knobs >> 6 & 1 ? 2 : 1,
		.sightings = &seen,
		.sighting_count = 1,
		.hits = 3,
		.runs = 10};
	issue.type = take(&s);
	issue.message = take(&s);
	issue.adapter = take(&s);
	issue.target = take(&s);
	issue.uid = take(&s);
	issue.bug = take(&s);
	issue.commit = take(&s);
	issue.flavour = take(&s);
	issue.reason = take(&s);
	issue.state_dir = take(&s);
	issue.command = take(&s);
	issue.artifact = take(&s);
	issue.report = (const char *)s.data;
	issue.report_len = s.size;
	issue.input = data;
	issue.input_len = size;
	promise_issue(&issue);
	for (i = 0; i < s.count; i++)
		free(s.strings[i]);
	return 0;
}
