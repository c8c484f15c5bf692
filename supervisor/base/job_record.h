/*
 * What a keeper leaves on disk, read and put into words: the one place where an exit gets
 * its class, and the recovery of jobs whose supervisor is gone. Blocks; small files.
 */
#ifndef IW_BASE_JOB_RECORD_H
#define IW_BASE_JOB_RECORD_H

#include <stdbool.h>

#include "base/job.h"

/* Reads dir/exit; status_text is what came through the status pipe ("" when unknown),
 * was_stopped whether we asked it to end. Never fails: no record is class LOST. */
void iw_job_record_read(
	const char *dir, const char *status_text, bool was_stopped, struct iw_exit *exit);

/* A pidfd of the folder's keeper, if it lives; else -1. The caller closes. */
int iw_job_record_keeper(const char *dir);

/* iw_job_log_read() of a job known only by its folder. */
int iw_job_record_log(
	const char *dir, size_t max, char **data, size_t *len, struct iw_err *err);

#endif
