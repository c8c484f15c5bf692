#include "base/keeper/spec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/keeper_format.h"
#include "base/banned.h"

#define YEAR_MS (366ll * 86400 * 1000)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A key that may be given once; it has either a number or a string. */
struct key {
	const char *name;
	long long *number;
	const char **string;
	long long min;
	long long max;
	bool is_given;
};

bool fault_set(struct fault *f, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(f->text, sizeof(f->text), format, ap);
	va_end(ap);
	return false;
}

/* The file's text and length, in memory that stays; NULL with a fault. */
static char *spec_read(int dir, size_t *size, struct fault *fault)
{
	int fd = openat(dir, IW_KEEPER_SPEC, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *text = NULL;

	if (fd < 0 || fstat(fd, &st) < 0) {
		fault_set(fault, "spec: %s", strerror(errno));
	} else if (st.st_size <= 0 || st.st_size > IW_KEEPER_SPEC_MAX) {
		fault_set(
			fault, "spec: empty or longer than %u bytes", IW_KEEPER_SPEC_MAX);
	} else {
		*size = (size_t)st.st_size;
		text = malloc(*size);
		if (!text || read(fd, text, *size) != st.st_size || text[*size - 1]) {
			fault_set(
				fault, "spec: cannot be read, or does not end with NUL");
			free(text);
			text = NULL;
		}
	}
	if (fd >= 0)
		close(fd);
	return text;
}

static bool key_set_number(const struct key *key, const char *value, struct fault *fault)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(value, &end, 10);
	/* strtoll skips blanks and takes a plus sign; the format has neither. */
	if (errno || end == value || *end || n < key->min || n > key->max ||
		(*value != '-' && (*value < '0' || *value > '9')))
		return fault_set(fault,
			"spec: '%s' is '%.40s', not a number from %lld to "
			"%lld",
			key->name, value, key->min, key->max);
	*key->number = n;
	return true;
}

static bool key_set(struct key *keys, size_t count, const char *name, const char *value,
	struct fault *fault)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(name, keys[i].name) != 0)
			continue;
		if (keys[i].is_given)
			return fault_set(fault, "spec: '%s' is given twice", name);
		keys[i].is_given = true;
		if (keys[i].number)
			return key_set_number(&keys[i], value, fault);
		*keys[i].string = value;
		return true;
	}
	return fault_set(fault, "spec: unknown key '%.80s'", name);
}

/* Cuts each string at its '=' and puts the value where its key says. */
static bool spec_parse(struct spec *s, char *text, size_t size, struct key *keys,
	size_t key_count, struct fault *fault)
{
	size_t args = 0, envs = 0;

	for (size_t at = 0; at < size;) {
		char *entry = text + at;
		char *value = strchr(entry, '=');

		at += strlen(entry) + 1;
		if (!value)
			return fault_set(fault, "spec: '%.80s' is not key=value", entry);
		*value++ = '\0';
		if (strcmp(entry, "arg") == 0)
			s->argv[args++] = value;
		else if (strcmp(entry, "env") == 0)
			s->envp[envs++] = value;
		else if (!key_set(keys, key_count, entry, value, fault))
			return false;
	}
	if (args == 0)
		return fault_set(fault, "spec: no 'arg'");
	return true;
}

static bool check_name(const char *key, const char *name, struct fault *fault)
{
	if (name && (!*name || *name == '.' || strchr(name, '/') || strlen(name) > 200))
		return fault_set(
			fault, "spec: '%s' is '%.80s', not a plain file name", key, name);
	return true;
}

/* What the table of keys cannot say. */
static bool spec_check(const struct spec *s, struct fault *fault)
{
	for (char **e = s->envp; *e; e++)
		if (!strchr(*e, '=') || **e == '=')
			return fault_set(
				fault, "spec: 'env' is '%.80s', not NAME=VALUE", *e);
	if (s->stdout_name && s->stdout_fifo)
		return fault_set(
			fault, "spec: 'stdout' and 'stdout_fifo' are both given");
	return check_name("stdout", s->stdout_name, fault) &&
		check_name("stdin_fifo", s->stdin_fifo, fault) &&
		check_name("stdout_fifo", s->stdout_fifo, fault);
}

bool spec_load(struct spec *s, int dir, struct fault *fault)
{
	const long long big = LLONG_MAX;
	struct key keys[] = {
		{"cwd", NULL, &s->cwd, 0, 0, false},
		{"stdout", NULL, &s->stdout_name, 0, 0, false},
		{"stdin_fifo", NULL, &s->stdin_fifo, 0, 0, false},
		{"stdout_fifo", NULL, &s->stdout_fifo, 0, 0, false},
		{"seccomp", NULL, &s->seccomp, 0, 0, false},
		{"timeout_ms", &s->timeout_ms, NULL, 0, YEAR_MS, false},
		{"grace_ms", &s->grace_ms, NULL, 0, YEAR_MS, false},
		{"stall_ms", &s->stall_ms, NULL, 0, YEAR_MS, false},
		{"log_limit", &s->log_limit, NULL, IW_KEEPER_LOG_LIMIT_MIN, big, false},
		{"rss_limit_mb", &s->rss_limit_mb, NULL, 0, 1 << 30, false},
		{"process_limit", &s->process_limit, NULL, 0, 1 << 20, false},
		{"disk_limit_mb", &s->disk_limit_mb, NULL, 0, 1 << 30, false},
		{"cpu", &s->cpu, NULL, -1, 65535, false},
		{"nice", &s->nice, NULL, -20, 19, false},
		{"rlimit_core", &s->rlimit_core, NULL, 0, big, false},
		{"rlimit_fsize", &s->rlimit_fsize, NULL, 0, big, false},
		{"rlimit_nofile", &s->rlimit_nofile, NULL, 0, big, false},
		{"rlimit_nproc", &s->rlimit_nproc, NULL, 0, big, false},
		{"rlimit_stack", &s->rlimit_stack, NULL, 0, big, false},
		{"no_aslr", &s->no_aslr, NULL, 0, 1, false},
		{"sandboxed", &s->sandboxed, NULL, 0, 1, false},
	};
	size_t size = 0, most = 1;
	char *text = spec_read(dir, &size, fault);

	if (!text)
		return false;
	for (size_t i = 0; i < size; i++)
		most += !text[i];
	*s = (struct spec){
		.argv = calloc(most, sizeof(char *)),
		.envp = calloc(most, sizeof(char *)),
		.cwd = "/",
		.grace_ms = IW_KEEPER_GRACE_MS,
		.log_limit = IW_KEEPER_LOG_LIMIT,
		.cpu = -1,
		.nice = SPEC_UNSET,
		.rlimit_core = SPEC_UNSET,
		.rlimit_fsize = SPEC_UNSET,
		.rlimit_nofile = SPEC_UNSET,
		.rlimit_nproc = SPEC_UNSET,
		.rlimit_stack = SPEC_UNSET,
	};
	if (!s->argv || !s->envp)
		return fault_set(fault, "spec: no memory");
	return spec_parse(s, text, size, keys, COUNT(keys), fault) &&
		spec_check(s, fault);
}
