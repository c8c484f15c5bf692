#include "subject.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "adapters/build_db.h"
#include "adapters/project_db.h"
#include "base/file.h"
#include "base/mem.h"
#include "triage/artifact.h"
#include "triage/bug_db.h"
#include "triage/crash_db.h"

#include "base/banned.h"

static int take_bug(void *ctx, const struct bug_row *row)
{
	struct subject *s = ctx;

	s->found = true;
	snprintf(s->name, sizeof s->name, "bug %lld", (long long)row->id);
	memcpy(s->adapter, row->adapter, sizeof s->adapter);
	memcpy(s->target, row->target, sizeof s->target);
	s->input = row->best;
	s->build_id = row->build_id;
	s->commit = row->found_commit ? iw_strdup(row->found_commit) : NULL;
	s->has_signature =
		triage_signature_parse(&s->signature, row->type, row->frames, NULL) == 0;
	return 0;
}

static int take_crash(void *ctx, const struct triage_crash_row *row)
{
	struct subject *s = ctx;

	s->found = true;
	snprintf(s->name, sizeof s->name, "crash %lld", (long long)row->id);
	memcpy(s->adapter, row->adapter, sizeof s->adapter);
	memcpy(s->target, row->target, sizeof s->target);
	s->input = row->input;
	s->build_id = row->build_id;
	return 0;
}

static void take_build(void *ctx, const struct iw_build *build)
{
	struct subject *s = ctx;

	if (build->id == s->build_id)
		s->build = *build;
}

static int find_row(struct subject *s, struct iw_dbc *dbc, const struct iw_state *state,
	int64_t bug_id, int64_t crash_id, struct iw_err *err)
{
	struct crash_filter filter = {.id = crash_id};
	int rc = bug_id ? bug_db_list(dbc, bug_id, take_bug, s, err)
			: crash_db_list(dbc, &filter, take_crash, s, err);

	if (rc == 0 && !s->found)
		return iw_err_set(err, IW_ENOENT,
			"there is no %s %lld in '%s'; 'ironworks %s list' shows all",
			bug_id ? "bug" : "crash", (long long)(bug_id ? bug_id : crash_id),
			state->dir, bug_id ? "bug" : "crash");
	return rc;
}

/* How the target wants to be run stands in its adapter. */
static int find_target(struct subject *s, struct iw_dbc *dbc, struct iw_err *err)
{
	const struct adapter_target *listed;
	_auto_free_ char *dir = NULL;
	int rc = project_db_adapter_dir(dbc, s->adapter, &dir, err);

	if (rc == 0)
		rc = adapter_load(dir, NULL, &s->loaded, err);
	if (rc == 0)
		rc = project_db_adapter_arg(dbc, s->adapter, &s->arg, err);
	if (rc < 0)
		return rc;
	listed = adapter_target_find(s->loaded, s->target);
	/* A discovered target is named like its program and has the defaults. */
	s->spec = listed ? *listed : adapter_target_defaults;
	if (!listed)
		s->spec.name = s->spec.binary = s->target;
	return 0;
}

int subject_find(struct subject *s, struct iw_dbc *dbc, const struct iw_state *state,
	int64_t bug_id, int64_t crash_id, struct iw_err *err)
{
	int64_t adapter_id;
	int rc = find_row(s, dbc, state, bug_id, crash_id, err);

	if (rc == 0)
		rc = project_db_adapter_id(dbc, s->adapter, &adapter_id, err);
	if (rc == 0)
		rc = build_db_list(dbc, adapter_id, take_build, s, err);
	return rc < 0 ? rc : find_target(s, dbc, err);
}

struct choosing {
	const char *flavour, *tree;
	struct iw_build build;
};

static void look_at(void *ctx, const struct iw_build *build)
{
	struct choosing *c = ctx;

	if (build->is_ok && strcmp(build->flavour, c->flavour) == 0 &&
		strcmp(build->tree, c->tree) == 0 && build->id > c->build.id)
		c->build = *build;
}

static void let_go(struct subject *s)
{
	free(iw_steal(&s->build.dir));
	if (s->lock_fd)
		close(s->lock_fd - 1);
	s->lock_fd = 0;
}

int subject_choose(struct subject *s, struct iw_dbc *dbc, const char *flavour,
	const char *tree, bool *found, struct iw_err *err)
{
	struct choosing c = {.flavour = flavour, .tree = tree};
	int64_t adapter_id;
	int rc = project_db_adapter_id(dbc, s->adapter, &adapter_id, err);

	if (rc == 0)
		rc = build_db_list(dbc, adapter_id, look_at, &c, err);
	*found = c.build.id != 0;
	if (rc < 0 || !*found)
		return rc;
	let_go(s);
	s->build = c.build;
	s->build_id = c.build.id;
	return 0;
}

int subject_hold_build(
	struct subject *s, const struct iw_state *state, struct iw_err *err)
{
	int fd;

	let_go(s);
	s->build.dir = iw_path_join(state->builds, s->build.closure);
	/* As long as this is held a farm that makes room leaves it alone. */
	fd = open(s->build.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	s->lock_fd = fd + 1;
	if (fd >= 0 && flock(fd, LOCK_SH) == 0 && iw_file_exists(s->build.dir))
		return 0;
	return iw_err_set(err, IW_ENOENT,
		"build %.12s of %s left to make room; 'ironworks build %s --flavour %s "
		"--commit %s --state %s' makes it again",
		s->build.closure, s->name, s->arg, s->build.flavour, s->build.tree,
		state->dir);
}

int subject_read_input(
	struct subject *s, const struct iw_state *state, struct iw_err *err)
{
	return triage_artifact_get(state->artifacts, &s->input, &s->data, &s->len, err);
}

void subject_fini(struct subject *s)
{
	let_go(s);
	triage_signature_fini(&s->signature);
	adapter_free(s->loaded);
	free(s->arg);
	free(s->commit);
	free(s->data);
	*s = (struct subject){0};
}
