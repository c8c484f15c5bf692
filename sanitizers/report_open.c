/* What dialects add to a reading: reports, stacks, frames, and where those are kept. */
#include <string.h>

#include "sanitizers/report_parse.h"

#include "base/banned.h"

#define FRAMES_FIRST 16 /* a stack's first room; each next one is four times as large */

size_t san_kept_slot(size_t n, size_t max)
{
	size_t head = max * 3 / 4;

	return n < head ? n : head + (n - head) % (max - head);
}

struct san_raw *san_report_open(
	struct san_parse *p, enum san_dialect dialect, enum san_kind kind)
{
	size_t slot = san_kept_slot(p->count++, SAN_REPORTS);
	struct san_raw *r = p->reports[slot];

	if (r) { /* its frames are storage for the new one's */
		struct san_raw_stack stacks[SAN_STACKS_KEPT];
		size_t own = r->frames_own;

		memcpy(stacks, r->stacks, sizeof stacks);
		memset(r, 0, sizeof *r);
		memcpy(r->stacks, stacks, sizeof stacks);
		r->frames_own = own;
	} else {
		r = p->reports[slot] = iw_arena_alloc(p->arena, sizeof *r);
	}
	r->dialect = dialect;
	r->kind = kind;
	r->begin = p->begin;
	r->end = p->end;
	r->heading = p->at;
	p->cur = r;
	p->stack = NULL;
	p->go = SAN_GO_OFF;
	p->rust_stack = p->rust_message = p->v8_failure = false;
	return r;
}

static struct san_view capture(const struct san_view *captures, unsigned char number)
{
	return number ? captures[number - 1] : (struct san_view){NULL, 0};
}

bool san_rules_open(struct san_parse *p, enum san_dialect dialect,
	const struct san_rule *rules, struct san_view v)
{
	struct san_view captures[SAN_CAPTURES];
	struct san_raw *r;

	for (; rules->pattern; rules++)
		if (san_pattern_match(v, rules->pattern, captures))
			break;
	if (!rules->pattern)
		return false;
	if (rules->flags & SAN_RULE_IGNORE)
		return true;
	r = san_report_open(p, dialect, rules->kind);
	r->flags = rules->flags;
	r->message = rules->message ? capture(captures, rules->message) : v;
	r->address = capture(captures, rules->address);
	r->size = capture(captures, rules->size);
	r->file = capture(captures, rules->file);
	r->line = capture(captures, rules->line);
	if (rules->flags & SAN_RULE_TITLE)
		r->title = r->message;
	if (rules->flags & SAN_RULE_READ)
		r->access = SAN_ACCESS_READ;
	if (rules->flags & SAN_RULE_WRITE)
		r->access = SAN_ACCESS_WRITE;
	return true;
}

void san_stack_open(struct san_parse *p, enum san_stack_role role)
{
	struct san_raw *r = p->cur;
	struct san_raw_stack *stack;

	p->stack = NULL;
	if (!r)
		return;
	/* A heading without frames makes room for the next one. */
	if (r->stack_count && !r->stacks[r->stack_count - 1].count)
		r->stack_count--;
	stack = &p->beyond;
	if (r->stack_count < SAN_STACKS_KEPT)
		stack = &r->stacks[r->stack_count++];
	stack->role = role;
	stack->count = 0;
	p->stack = stack;
}

/* More room for the frames of a stack, while there is some. */
static void grow(struct san_parse *p, struct san_raw *r, struct san_raw_stack *s)
{
	size_t cap = s->cap ? 4 * s->cap : FRAMES_FIRST;
	struct san_raw_frame *grown;

	if (cap > SAN_STACK_FRAMES)
		return;
	if (r->frames_own + cap <= SAN_FRAMES_OWN)
		r->frames_own += cap;
	else if (p->frames_shared + cap <= SAN_FRAMES_SHARED)
		p->frames_shared += cap;
	else
		return;
	grown = iw_arena_alloc(p->arena, cap * sizeof *grown);
	if (s->count)
		memcpy(grown, s->frames, s->count * sizeof *grown);
	s->frames = grown;
	s->cap = cap;
}

void san_frame_add(struct san_parse *p, enum san_frame_form form)
{
	struct san_raw_stack *s = p->stack;

	if (!s)
		return;
	p->cur->end = p->end;
	if (s == &p->beyond) {
		p->cur->stacks_dropped += !s->count++;
		return;
	}
	if (s->count == s->cap)
		grow(p, p->cur, s);
	if (s->cap)
		s->frames[san_kept_slot(s->count, s->cap)] = (struct san_raw_frame){
			.line = p->at.p, .line_len = (uint16_t)p->at.n, .form = form};
	s->count++;
}

void san_unread_add(struct san_parse *p, struct san_view line, size_t begin, size_t end)
{
	if (p->unread_count == SAN_UNREAD) {
		p->unread_dropped++;
		return;
	}
	p->unread[p->unread_count++] = (struct san_unread){
		.line = san_view_dup(p->arena, line, 512),
		.begin = begin,
		.end = end,
	};
}
