/*
 * A target that plays libFuzzer itself, for tests/integration/test_kill.py.
 *
 * Its command line is the part of libFuzzer's that Ironworks uses: a corpus folder as the
 * last argument, -artifact_prefix=, -max_total_time=, or one file to run. It writes units
 * and crash artifacts as libFuzzer does (plainly, under their final name), far more of
 * them than a real one, each different from all others. What is complete on disk goes
 * into the ledger, a file that Ironworks does not know: one line "unit HEX" or "crash
 * HEX", synced. So does its own life: "start HEX", then "end HEX" when it ended by itself
 * or "stopped HEX" when it was asked to. LEDGER is defined by the build script.
 *
 * With BURN_US it spends so much CPU time on each unit, and says at its end how much that
 * was in all: "cpu HEX", PID.MILLISECONDS.
 *
 * With PLAN it finds only what it is told: the file of that name says how many units and
 * crashes ("12 3"), the engine that takes it away finds them at once, and then, like all
 * others, nothing more.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CRASH "crash"
#ifndef UNIT_PAUSE_US
#define UNIT_PAUSE_US 2000
#endif
#ifndef UNITS_PER_CRASH
#define UNITS_PER_CRASH 40
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static volatile sig_atomic_t is_stopped;

static void stop(int number)
{
	(void)number;
	is_stopped = 1;
}

/* FIPS 180-4, for inputs of one block. */
static void sha1(const unsigned char *data, size_t len, char hex[41])
{
	uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
	uint32_t w[80], a, b, c, d, e, f, k, t;
	unsigned char block[64] = {0};
	int i;

	memcpy(block, data, len);
	block[len] = 0x80;
	block[62] = (unsigned char)(len * 8 >> 8);
	block[63] = (unsigned char)(len * 8);
	for (i = 0; i < 16; i++)
		w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
			(uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
	for (; i < 80; i++) {
		t = w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16];
		w[i] = t << 1 | t >> 31;
	}
	a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
	for (i = 0; i < 80; i++) {
		f = i < 20	 ? (b & c) | (~b & d)
			: i < 40 ? b ^ c ^ d
			: i < 60 ? (b & c) | (b & d) | (c & d)
				 : b ^ c ^ d;
		k = i < 20	 ? 0x5a827999
			: i < 40 ? 0x6ed9eba1
			: i < 60 ? 0x8f1bbcdc
				 : 0xca62c1d6;
		t = (a << 5 | a >> 27) + f + e + k + w[i];
		e = d, d = c, c = b << 30 | b >> 2, b = a, a = t;
	}
	h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
	for (i = 0; i < 5; i++)
		snprintf(hex + 8 * i, 9, "%08x", h[i]);
}

/* True when all of it is in the file. A full disk leaves a part, as with libFuzzer. */
static int write_file(const char *path, const char *text)
{
	size_t len = strlen(text);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	ssize_t n = fd < 0 ? -1 : write(fd, text, len);

	if (fd >= 0)
		close(fd);
	return n == (ssize_t)len;
}

static void note(const char *what, const char *content)
{
	char line[256];
	size_t len = (size_t)snprintf(line, sizeof line, "%s ", what);
	int fd = open(LEDGER, O_WRONLY | O_CREAT | O_APPEND, 0644);

	for (; *content; content++)
		len += (size_t)snprintf(
			line + len, sizeof line - len, "%02x", (unsigned char)*content);
	line[len++] = '\n';
	/* An oracle that cannot write must not look like a farm that lost nothing. */
	if (fd < 0 || write(fd, line, len) != (ssize_t)len || fsync(fd) < 0) {
		perror(LEDGER);
		_exit(99);
	}
	close(fd);
}

static void make(
	const char *what, const char *prefix, const char *dir, unsigned long number)
{
	char content[56], name[41], path[4096];

#ifdef PLAN
	/* Short: what is minimized is not what is tested. */
	snprintf(content, sizeof content, "%s%lu", what, number);
#else
	snprintf(content, sizeof content, "%s %ld.%lx.%lu", what, (long)getpid(),
		(unsigned long)time(NULL), number);
#endif
	sha1((const unsigned char *)content, strlen(content), name);
	snprintf(path, sizeof path, "%s%s%s", dir, prefix, name);
	if (write_file(path, content))
		note(what, content);
}

/* Who was killed has a start only. Pids come round again, so there is a time, too. */
static void note_life(const char *what)
{
	static char self[48];

	if (!*self)
		snprintf(self, sizeof self, "%ld.%lld", (long)getpid(),
			(long long)time(NULL));
	note(what, self);
}

static long long cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Between two units. */
static void rest(void)
{
#ifdef BURN_US
	long long end = cpu_us() + BURN_US;

	while (cpu_us() < end)
		;
#else
	usleep(UNIT_PAUSE_US);
#endif
}

static void note_cpu(void)
{
#ifdef BURN_US
	char text[48];

	snprintf(text, sizeof text, "%ld.%lld", (long)getpid(), cpu_us() / 1000);
	note("cpu", text);
#endif
}

static void report(void)
{
	printf("==%d== ERROR: libFuzzer: deadly signal\n"
	       "    #0 0x55d0c0 in fake_fault /src/engine.c:10:2\n"
	       "    #1 0x55d1c0 in LLVMFuzzerTestOneInput /src/engine.c:20:2\n"
	       "\nNOTE: libFuzzer has rudimentary signal handlers.\n"
	       "SUMMARY: libFuzzer: deadly signal\n",
		(int)getpid());
	fflush(stdout);
	_exit(77);
}

static int reproduce(const char *path)
{
	char data[64] = "";
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, data, sizeof data - 1);

	if (n > 0 && strncmp(data, CRASH, strlen(CRASH)) == 0)
		report();
	printf("Executed %s in 0 ms\n", path);
	return 0;
}

static int fuzz(const char *corpus, const char *prefix, long seconds)
{
	time_t end = time(NULL) + seconds;
	unsigned long n = 0, crashes = 0;
	char dir[4096];

	signal(SIGTERM, stop);
	signal(SIGINT, stop);
	note_life("start");
	snprintf(dir, sizeof dir, "%s/", corpus);
	while (!is_stopped && (seconds <= 0 || time(NULL) < end)) {
		make("unit", "", dir, n++);
		if (n % 64 == 0) {
			printf("#%lu\tNEW    cov: 1 ft: 1 corp: 1/1b exec/s: 500 rss: "
			       "1Mb\n",
				n);
			fflush(stdout);
		}
		if (n % UNITS_PER_CRASH == 0) {
			make(CRASH, "crash-", prefix, n);
			/* Mostly it dies like libFuzzer, at times it goes on like a fork
			 * mode. */
			if (++crashes % 4 == 0) {
				note_life("end");
				note_cpu();
				report();
			}
		}
		rest();
	}
	note_life(is_stopped ? "stopped" : "end");
	note_cpu();
	return 0;
}

#ifdef PLAN
/* The same few findings each time, so that a test can fail each write of their way. */
static int fuzz_by_plan(const char *corpus, const char *prefix, long seconds)
{
	time_t end = time(NULL) + seconds;
	unsigned units = 0, crashes = 0, n;
	char dir[4096], mine[4096];
	FILE *plan;

	signal(SIGTERM, stop);
	signal(SIGINT, stop);
	snprintf(dir, sizeof dir, "%s/", corpus);
	snprintf(mine, sizeof mine, PLAN ".%ld", (long)getpid());
	if (rename(PLAN, mine) == 0) {
		plan = fopen(mine, "r");
		if (!plan || fscanf(plan, "%u %u", &units, &crashes) != 2)
			_exit(99);
		fclose(plan);
		for (n = 0; n < units; n++)
			make("unit", "", dir, n);
		for (n = 0; n < crashes; n++)
			make(CRASH, "crash-", prefix, n);
		if (crashes)
			report();
	}
	while (!is_stopped && (seconds <= 0 || time(NULL) < end))
		usleep(UNIT_PAUSE_US);
	return 0;
}
#endif

int main(int argc, char **argv)
{
	const char *prefix = "./", *last = NULL;
	long seconds = 0;
	struct stat st;
	int i;

	for (i = 1; i < argc; i++) {
		if (strncmp(argv[i], "-artifact_prefix=", 17) == 0)
			prefix = argv[i] + 17;
		else if (strncmp(argv[i], "-max_total_time=", 16) == 0)
			seconds = strtol(argv[i] + 16, NULL, 10);
		else if (argv[i][0] != '-')
			last = argv[i];
	}
	if (!last || stat(last, &st) < 0)
		return 1;
	if (!S_ISDIR(st.st_mode))
		return reproduce(last);
#ifdef PLAN
	return fuzz_by_plan(last, prefix, seconds);
#else
	return fuzz(last, prefix, seconds);
#endif
}

/* What ironworks-driver.so wants to see: an entry, and counters between these two. */
extern unsigned char __start___sancov_cntrs[], __stop___sancov_cntrs[];
__attribute__((section("__sancov_cntrs"), used)) static unsigned char counters[4];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	__start___sancov_cntrs[0]++;
	if (len > 0 && __stop___sancov_cntrs - __start___sancov_cntrs > 1 + (data[0] & 1))
		__start___sancov_cntrs[1 + (data[0] & 1)]++;
	if (len >= strlen(CRASH) && memcmp(data, CRASH, strlen(CRASH)) == 0)
		report();
	return 0;
}
