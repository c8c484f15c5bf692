#include "actor.h"

#include <pwd.h>

#include "base/mem.h"

#include "base/banned.h"

char *iw_actor_local(uid_t uid)
{
	char room[4096];
	struct passwd entry, *found = NULL;

	if (getpwuid_r(uid, &entry, room, sizeof room, &found) == 0 && found)
		return iw_strdup(found->pw_name);
	return iw_fmt("uid %u", (unsigned)uid);
}
