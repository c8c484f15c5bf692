#include "triage/signature.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "sanitizers/frames.h"
#include "triage/similarity.h"

#include "base/banned.h"

void triage_signature_init(
	struct triage_signature *sig, const char *type, const char *message)
{
	*sig = (struct triage_signature){0};
	snprintf(sig->type, sizeof sig->type, "%s", type ? type : "");
	if (message && *message)
		sig->message = iw_strdup(message);
}

static void frames_fini(struct triage_frames *frames)
{
	size_t i;

	for (i = 0; i < frames->count; i++)
		free(frames->names[i]);
	free(frames->names);
	*frames = (struct triage_frames){0};
}

void triage_signature_fini(struct triage_signature *sig)
{
	frames_fini(&sig->inside);
	frames_fini(&sig->other);
	frames_fini(&sig->frames);
	free(sig->file);
	free(sig->message);
	if (sig->former)
		triage_signature_fini(sig->former);
	free(sig->former);
	*sig = (struct triage_signature){0};
}

static void frames_add(struct triage_frames *frames, const char *name)
{
	/* An unknown function is no evidence, and two of them are not the same one. */
	if (frames->count >= TRIAGE_FRAMES_MAX || !*name || strcmp(name, "??") == 0)
		return;
	iw_grow(frames->names, frames->count, frames->cap);
	frames->names[frames->count++] = iw_strdup(name);
}

void triage_signature_add(struct triage_signature *sig, const char *frame)
{
	frames_add(&sig->frames, frame);
}

void triage_signature_add_other(struct triage_signature *sig, const char *frame)
{
	frames_add(&sig->other, frame);
}

void triage_signature_set_file(struct triage_signature *sig, const char *file)
{
	free(sig->file);
	sig->file = file && *file ? iw_strdup(file) : NULL;
}

void triage_signature_add_report(struct triage_signature *sig, struct iw_arena *arena,
	const struct san_report *report)
{
	struct san_sig_frame frames[SAN_SIGNATURE_BOTH];
	size_t i, other;
	size_t count = san_report_signature_frames(arena, report, frames, &other);

	for (i = 0; i < other; i++)
		triage_signature_add(sig, frames[i].function);
	for (; i < count; i++)
		triage_signature_add_other(sig, frames[i].function);
	triage_signature_set_file(sig, other ? frames[0].file : NULL);
}

static void frames_copy(struct triage_frames *dst, const struct triage_frames *src)
{
	size_t i;

	for (i = 0; i < src->count; i++)
		frames_add(dst, src->names[i]);
}

bool triage_signature_is_hang(const struct triage_signature *sig)
{
	return strcmp(sig->type, "Timeout") == 0;
}

void triage_signature_copy(
	struct triage_signature *dst, const struct triage_signature *src)
{
	triage_signature_init(dst, src->type, src->message);
	triage_signature_set_file(dst, src->file);
	frames_copy(&dst->frames, &src->frames);
	frames_copy(&dst->other, &src->other);
	frames_copy(&dst->inside, &src->inside);
	dst->samples = src->samples;
	if (src->former) {
		dst->former = iw_calloc(1, sizeof *dst->former);
		triage_signature_copy(dst->former, src->former);
	}
}

void triage_signature_set_former(
	struct triage_signature *sig, const struct triage_signature *former)
{
	struct triage_signature *last = iw_calloc(1, sizeof *last), *s;
	unsigned count = 1;

	triage_signature_copy(last, former);
	if (sig->former)
		triage_signature_fini(sig->former);
	free(sig->former);
	sig->former = last;
	for (s = last; s->former; s = s->former)
		if (++count > TRIAGE_FORMER_MAX) {
			triage_signature_fini(s->former);
			free(iw_steal(&s->former));
			break;
		}
}

bool triage_frames_have(const struct triage_frames *frames, const char *name)
{
	size_t i;

	for (i = 0; i < frames->count; i++)
		if (triage_name_same(frames->names[i], name))
			return true;
	return false;
}

/* How many frames two stacks share, counted from the outermost. */
static size_t shared_way_in(const struct triage_frames *a, const struct triage_frames *b)
{
	size_t n = 0;

	while (n < a->count && n < b->count &&
		triage_name_same(a->names[a->count - 1 - n], b->names[b->count - 1 - n]))
		n++;
	return n;
}

static void keep_inside(struct triage_frames *inside, const char *name)
{
	if (!triage_frames_have(inside, name))
		frames_add(inside, name);
}

void triage_signature_sample(
	struct triage_signature *sig, const char *const *frames, size_t count)
{
	struct triage_frames stack = {0}, kept = {0};
	size_t shared, i;

	for (i = 0; i < count; i++)
		frames_add(&stack, frames[i]);
	if (stack.count == 0)
		return;
	if (sig->frames.count == 0) {
		sig->frames = stack;
		sig->samples = 1;
		return;
	}
	shared = shared_way_in(&sig->frames, &stack);
	if (shared == 0) { /* another thread's stack, or one that nobody could read */
		frames_fini(&stack);
		return;
	}
	for (i = 0; i + shared < sig->frames.count; i++)
		keep_inside(&sig->inside, sig->frames.names[i]);
	for (i = 0; i + shared < stack.count; i++)
		keep_inside(&sig->inside, stack.names[i]);
	if (shared < sig->frames.count)
		triage_signature_set_file(sig, NULL); /* of a frame that goes */
	for (i = sig->frames.count - shared; i < sig->frames.count; i++)
		frames_add(&kept, sig->frames.names[i]);
	frames_fini(&sig->frames);
	frames_fini(&stack);
	sig->frames = kept;
	sig->samples = (sig->samples ? sig->samples : 1) + 1;
}

static json_t *frames_json(const struct triage_frames *frames)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < frames->count; i++) {
		json_t *name = json_string(frames->names[i]);

		/* jansson refuses invalid UTF-8; reports were cleaned before, names from
		 * elsewhere keep their place. */
		json_array_append_new(array, name ? name : json_string("??"));
	}
	return array;
}

static json_t *signature_json(const struct triage_signature *sig)
{
	json_t *array = frames_json(&sig->frames), *extra = json_object();

	if (sig->message)
		json_object_set_new(extra, "message", json_string(sig->message));
	if (sig->file)
		json_object_set_new(extra, "file", json_string(sig->file));
	if (sig->other.count)
		json_object_set_new(extra, "other", frames_json(&sig->other));
	if (sig->inside.count)
		json_object_set_new(extra, "inside", frames_json(&sig->inside));
	if (sig->samples > 1)
		json_object_set_new(extra, "samples", json_integer(sig->samples));
	if (sig->former)
		json_object_set_new(extra, "former", signature_json(sig->former));
	if (json_object_size(extra))
		json_array_append_new(array, extra);
	else
		json_decref(extra);
	return array;
}

char *triage_signature_json(const struct triage_signature *sig)
{
	_auto_(iw_json_freep) json_t *array = signature_json(sig);
	char *text = json_dumps(array, JSON_COMPACT);
	if (!text)
		abort(); /* no memory; nothing else can fail here */
	return text;
}

char *triage_signature_names(const struct triage_signature *sig)
{
	_auto_(iw_json_freep) json_t *array = frames_json(&sig->frames);
	char *text = json_dumps(array, JSON_COMPACT);

	if (!text)
		abort();
	return text;
}

char *triage_signature_words(const struct triage_signature *sig)
{
	bool has_place = sig->frames.count > 0;
	char *text = iw_fmt("%s%s%s", sig->type, has_place ? " in " : "",
		     has_place ? sig->frames.names[0] : ""),
	     *c;

	for (c = text; *c; c++)
		if (*c == '\n')
			*c = ' ';
	return text;
}

static int parse_names(const json_t *array, const struct iw_json_at *at,
	struct triage_frames *frames, struct iw_err *err)
{
	size_t i;

	for (i = 0; i < json_array_size(array); i++) {
		const json_t *name = json_array_get(array, i);
		struct iw_json_at here = {.up = at, .index = (int)i};

		if (!json_is_string(name))
			return iw_json_fail(&here, err, "expected a function name");
		frames_add(frames, json_string_value(name));
	}
	return 0;
}

static int parse_array(struct triage_signature *sig, json_t *array,
	const struct iw_json_at *at, unsigned depth, struct iw_err *err);

static int parse_former(struct triage_signature *sig, json_t *former,
	const struct iw_json_at *at, unsigned depth, struct iw_err *err)
{
	if (depth >= TRIAGE_FORMER_MAX)
		return iw_json_fail(at, err, "too many former names");
	sig->former = iw_calloc(1, sizeof *sig->former);
	triage_signature_init(sig->former, sig->type, NULL);
	return parse_array(sig->former, former, at, depth + 1, err);
}

static int parse_extra(struct triage_signature *sig, const json_t *extra,
	const struct iw_json_at *at, unsigned depth, struct iw_err *err)
{
	struct iw_json_at former_at = {.up = at, .name = "former"};
	struct iw_json_at other_at = {.up = at, .name = "other"};
	struct iw_json_at inside_at = {.up = at, .name = "inside"};
	json_t *other = NULL, *inside = NULL, *former = NULL;
	const char *message, *file;
	int64_t samples;

	if (iw_json_str_or(extra, at, "message", NULL, &message, err) < 0 ||
		iw_json_str_or(extra, at, "file", NULL, &file, err) < 0 ||
		iw_json_array(extra, at, "other", 0, &other, err) < 0 ||
		iw_json_array(extra, at, "inside", 0, &inside, err) < 0 ||
		iw_json_array(extra, at, "former", 0, &former, err) < 0 ||
		iw_json_int_or(extra, at, "samples", 0, 1 << 20, 0, &samples, err) < 0)
		return IW_EINVAL;
	sig->message = message ? iw_strdup(message) : NULL;
	triage_signature_set_file(sig, file);
	sig->samples = (unsigned)samples;
	if (parse_names(other, &other_at, &sig->other, err) < 0)
		return IW_EINVAL;
	if (parse_names(inside, &inside_at, &sig->inside, err) < 0)
		return IW_EINVAL;
	return former ? parse_former(sig, former, &former_at, depth, err) : 0;
}

static int parse_array(struct triage_signature *sig, json_t *array,
	const struct iw_json_at *at, unsigned depth, struct iw_err *err)
{
	size_t count = json_array_size(array);
	const json_t *last = json_array_get(array, count - 1);

	if (json_is_object(last)) {
		struct iw_json_at here = {.up = at, .index = (int)count - 1};

		if (parse_extra(sig, last, &here, depth, err) < 0)
			return IW_EINVAL;
		json_array_remove(array, count - 1);
	}
	return parse_names(array, at, &sig->frames, err);
}

int triage_signature_parse(struct triage_signature *sig, const char *type,
	const char *frames_json, struct iw_err *err)
{
	struct iw_json_at top = {.name = "frames"};
	_auto_(iw_json_freep) json_t *array = NULL;
	json_error_t jerr;

	triage_signature_init(sig, type, NULL);
	array = json_loads(frames_json, 0, &jerr);
	if (!json_is_array(array)) {
		iw_err_set(err, IW_EINVAL, "frames of a bug: expected a JSON array");
		triage_signature_fini(sig);
		return IW_EINVAL;
	}
	if (parse_array(sig, array, &top, 0, err) < 0) {
		triage_signature_fini(sig);
		return IW_EINVAL;
	}
	return 0;
}

static double similarity(
	const struct triage_signature *a, const struct triage_signature *b)
{
	struct triage_names *names = triage_names_new();
	struct triage_shape x, y;
	double alike;

	triage_shape_init(&x, names, a);
	triage_shape_init(&y, names, b);
	alike = triage_shape_similarity(triage_measure(), &x, &y);
	triage_shape_fini(&x);
	triage_shape_fini(&y);
	triage_names_free(names);
	return alike;
}

double triage_signature_similarity(
	const struct triage_signature *a, const struct triage_signature *b)
{
	const struct triage_signature *x, *y;
	double most = 0;

	for (x = a; x; x = x->former)
		for (y = b; y; y = y->former)
			most = fmax(most, similarity(x, y));
	return most;
}

bool triage_signature_same(
	const struct triage_signature *a, const struct triage_signature *b)
{
	return triage_signature_similarity(a, b) >= triage_thresholds.same;
}
