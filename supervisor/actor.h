/* Who does something by hand: the name of a local user. Thread: any. */
#ifndef IW_ACTOR_H
#define IW_ACTOR_H

#include <sys/types.h>

/* "alice", or "uid 1000" where nobody knows a name. The caller frees. May read files. */
char *iw_actor_local(uid_t uid);

#endif
