#include "triage/bisect_merge.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"

#include "base/banned.h"

/* Columns; a log's line has room for it and what stands before. */
#define SUBJECT_MAX 100

/* Strangers wrote it. */
static char *subject_of(const char *title)
{
	struct iw_buf out = {0};
	size_t fits;

	iw_text_plain(&out, title ? title : "");
	iw_buf_adds(&out, "");
	fits = iw_text_fit(out.data, SUBJECT_MAX);
	if (fits < out.len) {
		out.data[fits] = '\0';
		out.len = fits;
		iw_buf_adds(&out, "…");
	}
	return iw_buf_steal(&out);
}

struct bisect_merge *bisect_merges_new(const struct triage_bisect_spec *spec)
{
	struct bisect_merge *merges = iw_calloc(spec->count + 1, sizeof *merges);
	size_t i;

	for (i = 0; i < spec->count; i++) {
		struct bisect_merge *m = &merges[i];

		m->pr = spec->prs[i];
		if (m->pr == 0 && spec->commits) {
			m->commit = iw_strdup(spec->commits[i].id);
			m->subject = subject_of(spec->commits[i].title);
			m->name = iw_fmt("commit %.12s", m->commit);
		} else {
			m->name = iw_fmt("PR #%d", m->pr);
		}
	}
	return merges;
}

void bisect_merges_free(struct bisect_merge *merges, size_t count)
{
	size_t i;

	for (i = 0; merges && i < count; i++) {
		free(merges[i].name);
		free(merges[i].commit);
		free(merges[i].subject);
	}
	free(merges);
}

char *bisect_merge_words(const struct bisect_merge *merge)
{
	return merge->commit ? iw_fmt("%s, which belongs to no pull request: %s",
				       merge->name, merge->subject)
			     : NULL;
}

void bisect_merge_add(const struct bisect_merge *merge, json_t *prs, json_t *commits)
{
	if (merge->commit)
		json_array_append_new(commits,
			json_pack("{ss ss}", "commit", merge->commit, "subject",
				merge->subject));
	else
		json_array_append_new(prs, json_integer(merge->pr));
}
