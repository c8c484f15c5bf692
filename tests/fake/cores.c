/*
 * A machine with more cores than it has, for tests/bench/scale.py: preloaded into
 * `ironworks` it says that there are FAKE_CORES; linked into the keeper with
 * --wrap=sched_setaffinity it leaves jobs where they are.
 */
#include <sched.h>
#include <stdlib.h>

int sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set)
{
	const char *count = getenv("FAKE_CORES");
	int i, n = count ? (int)strtol(count, NULL, 10) : 1;

	(void)pid;
	CPU_ZERO_S(size, set);
	for (i = 0; i < n; i++)
		CPU_SET_S((size_t)i, size, set);
	return 0;
}

int __wrap_sched_setaffinity(pid_t pid, size_t size, const cpu_set_t *set);
int __wrap_sched_setaffinity(pid_t pid, size_t size, const cpu_set_t *set)
{
	(void)pid;
	(void)size;
	(void)set;
	return 0;
}
