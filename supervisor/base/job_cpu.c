/* What a job that runs has used so far, as /proc shows it; when it has ended its keeper's
 * record says it exactly. */
#include <unistd.h>

#include "base/file.h"
#include "base/job_room.h"
#include "base/json.h"
#include "base/keeper/process.h"
#include "base/keeper_format.h"
#include "base/mem.h"

#include "base/banned.h"

/* Of a job with more the rest is not counted. */
#define TREE_MAX 1024

static pid_t keeper_of(const struct iw_job *job)
{
	_auto_(iw_json_freep) json_t *record = NULL;
	_auto_free_ char *path = iw_path_join(job->dir, IW_KEEPER_RECORD);

	if (job->keeper)
		return job->keeper;
	if (iw_json_load(path, &record, NULL) < 0)
		return 0;
	return (pid_t)json_integer_value(json_object_get(record, "pid"));
}

int64_t iw_job_cpu_ms(const struct iw_job *job)
{
	pid_t tree[TREE_MAX];
	bool is_busy;
	size_t count;

	if (job->state != RUNNING || job->has_exited)
		return -1;
	/* With the keeper: it has waited for those whom their fathers left behind. */
	tree[0] = keeper_of(job);
	if (tree[0] <= 0)
		return -1;
	count = 1 + process_tree(tree[0], tree + 1, TREE_MAX - 1);
	return (int64_t)process_all_ticks(tree, count, &is_busy) * 1000 /
		sysconf(_SC_CLK_TCK);
}
