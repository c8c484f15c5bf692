#include "triage/transcript.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "engine/driver_format.h"

#include "base/banned.h"

#define LINE_SIZE 4096
#define KERNEL_SENT 0x80 /* SI_KERNEL: it does not say where */
/* As far from the stack's pointer a fault is still the stack's own. */
#define BELOW 512u
#define ABOVE 0xffffu

static const struct {
	int number;
	const char *name;
	bool has_address;
} signals[] = {
	{SIGSEGV, "SEGV", true},
	{SIGBUS, "BUS", true},
	{SIGFPE, "FPE", true},
	{SIGILL, "ILL", true},
	{SIGTRAP, "TRAP", false},
	{SIGABRT, "ABRT", false},
};

struct part {
	const char *at, *end;
};

struct death {
	size_t row; /* of signals */
	bool has_address;
	uint64_t address, pc, sp;
};

/* Where the program lies, and what is to be taken off to have its own addresses. */
struct image {
	uint64_t begin, end, bias;
};

/* -- parts -------------------------------------------------------------------------- */

/* Ends what is before a mark and begins what is behind it; false: it is not there. */
static bool split(const struct triage_transcript *t, const char *name,
	struct part *before, struct part *behind)
{
	_auto_free_ char *mark = iw_fmt("\n%s %s\n", t->token, name);
	const char *end = t->text + t->len;
	const char *hit =
		memmem(before->at, (size_t)(end - before->at), mark, strlen(mark));

	if (!hit)
		return false;
	before->end = hit;
	*behind = (struct part){hit + strlen(mark), end};
	return true;
}

/* All of them are there, in order; else gdb was ended before it had said all. */
static bool find_parts(const struct triage_transcript *t, struct part *at,
	struct part *stack, struct part *files)
{
	struct part before = {t->text, NULL}, behind;

	return split(t, TRIAGE_TRANSCRIPT_AT, &before, at) &&
		split(t, TRIAGE_TRANSCRIPT_STACK, at, stack) &&
		split(t, TRIAGE_TRANSCRIPT_FILES, stack, files) &&
		split(t, TRIAGE_TRANSCRIPT_END, files, &behind);
}

/* The next line, without its end and what is too long; false: there is none. */
static bool next_line(struct part *part, char line[LINE_SIZE])
{
	const char *eol;
	size_t len, kept;

	if (part->at >= part->end)
		return false;
	eol = memchr(part->at, '\n', (size_t)(part->end - part->at));
	len = (size_t)((eol ? eol : part->end) - part->at);
	kept = len < LINE_SIZE ? len : LINE_SIZE - 1;
	memcpy(line, part->at, kept);
	line[kept] = '\0';
	part->at += len + 1;
	return true;
}

/* -- the death ---------------------------------------------------------------------- */

/* "11 1 0 4016a9 7fffffffebc0" */
static bool read_death(struct part part, struct death *death)
{
	char line[LINE_SIZE], *at = line;
	long number, code;

	while (next_line(&part, line) && (*line < '0' || *line > '9'))
		;
	number = strtol(at, &at, 10);
	code = strtol(at, &at, 10);
	death->address = strtoull(at, &at, 16);
	death->pc = strtoull(at, &at, 16);
	death->sp = strtoull(at, &at, 16);
	for (death->row = 0; death->row < IW_COUNT(signals); death->row++)
		if (signals[death->row].number == number)
			break;
	if (death->row == IW_COUNT(signals))
		return false;
	death->has_address =
		signals[death->row].has_address && code > 0 && code != KERNEL_SENT;
	return true;
}

static bool is_stack_overflow(const struct death *d)
{
	return signals[d->row].number == SIGSEGV && d->has_address &&
		d->address + BELOW > d->sp && d->address < d->sp + ABOVE;
}

static void add_heading(struct iw_buf *out, const struct death *d)
{
	iw_buf_adds(out, "\n" IW_WITNESS_HEADING);
	if (is_stack_overflow(d))
		iw_buf_addf(out, "stack-overflow on address 0x%llx",
			(unsigned long long)d->address);
	else if (d->has_address)
		iw_buf_addf(out, "%s on unknown address 0x%llx", signals[d->row].name,
			(unsigned long long)d->address);
	else
		iw_buf_adds(out, signals[d->row].name);
	iw_buf_addf(out, " (pc 0x%llx sp 0x%llx), as gdb saw it\n",
		(unsigned long long)d->pc, (unsigned long long)d->sp);
}

/* -- where the program lies --------------------------------------------------------- */

/* "	Entry point: 0x401570", "	0x401000 - 0x401017 is .init"; what lies in another file has
 * " in FILE" behind that. */
static struct image read_image(const struct triage_transcript *t, struct part part)
{
	static const char entry[] = "Entry point: ";
	struct image image = {.begin = UINT64_MAX};
	char line[LINE_SIZE];

	while (next_line(&part, line)) {
		const char *hit = strstr(line, entry);
		uint64_t begin, end;
		char *rest;

		if (hit)
			image.bias = strtoull(hit + strlen(entry), NULL, 16) - t->entry;
		begin = strtoull(line, &rest, 16);
		if (strncmp(rest, " - 0x", 5) != 0 || strstr(rest, " in "))
			continue;
		end = strtoull(rest + 3, &rest, 16);
		image.begin = begin < image.begin ? begin : image.begin;
		image.end = end > image.end ? end : image.end;
	}
	return image;
}

/* -- the stack ---------------------------------------------------------------------- */

/* "#1  0x401a04 in main (argc=...) at a.c:30": the parser of reports knows that form. What
 * it lacks is the first frame's address where that begins a line, and a place where there
 * is no name: "#1  0x401a04 in ?? ()". */
static void add_frame(struct iw_buf *out, const char *line, const struct death *death,
	const struct image *image, const char *program)
{
	unsigned long number;
	uint64_t pc;
	char *rest;

	if (*line != '#')
		return;
	number = strtoul(line + 1, &rest, 10);
	while (*rest == ' ')
		rest++;
	pc = strtoull(rest, &rest, 16);
	/* Of a function that begins with hexadecimal digits not the name. */
	if (strncmp(rest, " in ", 4) != 0) {
		rest = (char *)line + 1 + strspn(line + 1, "0123456789 ");
		pc = number == 0 ? death->pc : 0;
	} else {
		rest += 4;
	}
	if (strcmp(rest, "?? ()") != 0 || pc < image->begin || pc >= image->end) {
		iw_buf_addf(out, "    #%lu ", number);
		if (pc)
			iw_buf_addf(out, "0x%llx in ", (unsigned long long)pc);
		iw_buf_addf(out, "%s\n", rest);
		return;
	}
	/* Callers are where they called, not where that returns to. */
	pc -= number > 0;
	iw_buf_addf(out, "    #%lu 0x%llx  (%s+0x%llx)\n", number, (unsigned long long)pc,
		program, (unsigned long long)(pc - image->bias));
}

char *triage_transcript_report(const struct triage_transcript *t)
{
	struct part at, stack, files;
	struct iw_buf out = {0};
	struct image image;
	struct death death;
	char line[LINE_SIZE];
	size_t n;

	if (!find_parts(t, &at, &stack, &files) || !read_death(at, &death))
		return NULL;
	image = read_image(t, files);
	add_heading(&out, &death);
	for (n = 0; n <= TRIAGE_TRANSCRIPT_FRAMES && next_line(&stack, line); n++)
		add_frame(&out, line, &death, &image, t->program);
	return iw_buf_steal(&out);
}
