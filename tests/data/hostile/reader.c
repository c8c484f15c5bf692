/* Reads the database, other jobs' files, the user's and root's secrets. */
#include "deed.h"

static void try(const char *path)
{
	if (open(path, O_RDONLY) >= 0)
		deed_succeeded(path);
}

static void deed(void)
{
	static const char *const secrets[] = {CANARY, "/etc/shadow", "/etc/passwd",
		"/root/.ssh", "/proc/1/root" CANARY, "/proc/self/root" CANARY,
		"/proc/kcore", "/dev/mem", "/dev/sda", "/dev/vda"};
	char state[PATH_MAX], path[PATH_MAX + 64], *jobs;
	size_t i;

	for (i = 0; i < sizeof secrets / sizeof *secrets; i++)
		try(secrets[i]);
	if (!getcwd(state, sizeof state) || !(jobs = strstr(state, "/jobs/")))
		return;
	*jobs = '\0';
	snprintf(path, sizeof path, "%s/ironworks.db", state);
	try(path);
	snprintf(path, sizeof path, "%s/lock", state);
	try(path);
	/* Its own folder's name is there, as the way to work/, but nothing beside it. */
	*jobs = '/';
	snprintf(path, sizeof path, "%s/../spec", state);
	try(path);
	snprintf(path, sizeof path, "%s/../keeper.lock", state);
	try(path);
}
