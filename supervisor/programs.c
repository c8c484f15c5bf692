#include "programs.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/keeper_format.h"
#include "base/mem.h"

#include "base/banned.h"

#define DRIVER "ironworks-driver.so"
#define INBOX "ironworks-inbox.so"

static char *find_program(const char *dir, const char *name)
{
	char *beside = iw_path_join(dir, name);

	if (iw_file_exists(beside))
		return beside;
	free(beside);
	return iw_fmt("%s/../libexec/ironworks/%s", dir, name);
}

int iw_programs_find(char **keeper, char **driver, struct iw_err *err)
{
	char self[PATH_MAX], absolute[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	char **const found[] = {keeper, driver};
	size_t i;

	*keeper = *driver = NULL;
	if (n < 0)
		return iw_err_set(err, IW_EIO, "cannot find this program in /proc");
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	*keeper = find_program(self, IW_KEEPER_PROGRAM);
	*driver = find_program(self, DRIVER);
	for (i = 0; i < IW_COUNT(found); i++) {
		if (!realpath(*found[i], absolute))
			return iw_err_set(err, IW_ETOOL,
				"'%s' is missing; build or install Ironworks whole",
				*found[i]);
		free(*found[i]);
		*found[i] = iw_strdup(absolute);
	}
	return 0;
}

char *iw_programs_inbox(const char *driver)
{
	char *path =
		iw_fmt("%.*s/" INBOX, (int)(iw_path_base(driver) - driver - 1), driver);

	if (iw_file_exists(path))
		return path;
	free(path);
	return NULL;
}
