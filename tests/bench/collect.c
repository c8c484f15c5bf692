/*
 * The main program of a libFuzzer target that can go on after crashes: where $COLLECT_DIR is
 * set, each input runs in a child of its own, and what ends the child is kept there. Without
 * it, it is the target as it always is. Linked with libFuzzer's archive without a main
 * function, whose documented entry is LLVMFuzzerRunDriver.
 *
 * Children leave no coverage behind, so the engine only mutates what it began with: flood.py
 * begins with crashes, and again with some of those that came of them.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fcntl.h>

int LLVMFuzzerRunDriver(
	int *argc, char ***argv, int (*run)(const uint8_t *data, size_t size));
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* LeakSanitizer's, where the build has one. */
__attribute__((weak)) int __lsan_do_recoverable_leak_check(void);

static const char *dir;
static unsigned kept, wanted, limit_s;

static void run_child(const uint8_t *data, size_t size)
{
	int null = open("/dev/null", O_WRONLY);

	dup2(null, STDERR_FILENO);
	signal(SIGALRM, SIG_DFL); /* libFuzzer's handler looks at a clock of the parent */
	alarm(limit_s);
	LLVMFuzzerTestOneInput(data, size);
	_exit(__lsan_do_recoverable_leak_check && __lsan_do_recoverable_leak_check());
}

static void keep(const uint8_t *data, size_t size)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof path, "%s/%08u-%d", dir, kept, (int)getpid());
	file = fopen(path, "w");
	if (!file || fwrite(data, 1, size, file) != size || fclose(file) != 0) {
		perror(path);
		_exit(2);
	}
	if (++kept >= wanted)
		_exit(0);
}

static int run(const uint8_t *data, size_t size)
{
	pid_t child = fork();
	int status;

	if (child == 0)
		run_child(data, size);
	if (child > 0 && waitpid(child, &status, 0) == child && status != 0)
		keep(data, size);
	return 0;
}

static const char *setting(const char *name)
{
	const char *value = getenv(name);

	if (!value) {
		fprintf(stderr, "collect: %s is not set; flood.py sets it\n", name);
		exit(2);
	}
	return value;
}

int main(int argc, char **argv)
{
	dir = getenv("COLLECT_DIR");
	if (!dir)
		return LLVMFuzzerRunDriver(&argc, &argv, LLVMFuzzerTestOneInput);
	wanted = (unsigned)strtoul(setting("COLLECT_COUNT"), NULL, 10);
	limit_s = (unsigned)strtoul(setting("COLLECT_LIMIT_S"), NULL, 10);
	return LLVMFuzzerRunDriver(&argc, &argv, run);
}
