/*
 * A scan has three steps: list the files that are new, read and encode them (the only
 * step that takes time, so large imports do it on several threads), and gather what came
 * of it.
 */
#include "corpus/scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "corpus/pack.h"

#include "base/banned.h"

#define THREADS_MAX 8
#define THREAD_MIN 256 /* files that are worth a thread */
/* The kernel stamps with the time of its last tick, 10 ms at most: what comes after the
 * listing may bear the same time as what came before it. */
#define TICK_MS 100

/* A name in 16 bytes: a corpus of a million files must stay small in memory. */
struct corpus_scan_key {
	uint64_t a, b;
};

struct corpus_scan {
	char *dir, *below; /* below: NULL, or a part of the path that a job can write */
	corpus_scan_wants_cb wants;
	void *wants_ctx;
	struct corpus_scan_key *slots; /* open addressing; {0, 0} is free */
	size_t slot_count, used;
	struct corpus_encoder *encoder;
	int threads;
	/* The folder as it was when it was listed to the end and nothing was new. */
	bool is_quiet;
	dev_t quiet_dev;
	ino_t quiet_ino;
	struct timespec quiet_mtime;
};

struct corpus_scan *corpus_scan_new(const char *dir)
{
	struct corpus_scan *scan = iw_calloc(1, sizeof *scan);

	scan->dir = iw_strdup(dir);
	scan->slot_count = 1024;
	scan->slots = iw_calloc(scan->slot_count, sizeof *scan->slots);
	scan->encoder = corpus_encoder_new();
	return scan;
}

struct corpus_scan *corpus_scan_new_below(const char *root, const char *below)
{
	struct corpus_scan *scan = corpus_scan_new(root);

	scan->below = iw_strdup(below);
	return scan;
}

void corpus_scan_filter(struct corpus_scan *scan, corpus_scan_wants_cb wants, void *ctx)
{
	scan->wants = wants;
	scan->wants_ctx = ctx;
}

void corpus_scan_free(struct corpus_scan *scan)
{
	if (!scan)
		return;
	corpus_encoder_free(scan->encoder);
	free(scan->slots);
	free(scan->dir);
	free(scan->below);
	free(scan);
}

void corpus_scan_threads(struct corpus_scan *scan, int threads)
{
	scan->threads = threads;
}

void corpus_scan_move(struct corpus_scan *scan, const char *dir)
{
	free(scan->dir);
	scan->dir = iw_strdup(dir);
}

void corpus_found_fini(struct corpus_found *found)
{
	size_t i;

	free(found->units);
	free(found->keys);
	for (i = 0; i < found->record_bufs; i++)
		iw_buf_fini(&found->records[i]);
	free(found->records);
	*found = (struct corpus_found){0};
}

static struct corpus_scan_key key_of(const char *name)
{
	struct iw_sha256 sha = iw_sha256(name, strlen(name));
	struct corpus_scan_key key;

	memcpy(&key, sha.bytes, sizeof key);
	return key;
}

/* The slot that holds the key, or the free one where it belongs. */
static struct corpus_scan_key *find_slot(
	const struct corpus_scan *scan, const struct corpus_scan_key *key)
{
	size_t at = key->a & (scan->slot_count - 1);

	while ((scan->slots[at].a || scan->slots[at].b) &&
		(scan->slots[at].a != key->a || scan->slots[at].b != key->b))
		at = (at + 1) & (scan->slot_count - 1);
	return &scan->slots[at];
}

static bool is_seen(const struct corpus_scan *scan, const struct corpus_scan_key *key)
{
	const struct corpus_scan_key *slot = find_slot(scan, key);

	return slot->a || slot->b;
}

static void remember(struct corpus_scan *scan, const struct corpus_scan_key *key)
{
	struct corpus_scan_key *old = scan->slots;
	size_t old_count = scan->slot_count, i;

	if (is_seen(scan, key))
		return;
	if (2 * (scan->used + 1) > scan->slot_count) {
		scan->slot_count *= 2;
		scan->slots = iw_calloc(scan->slot_count, sizeof *scan->slots);
		for (i = 0; i < old_count; i++)
			if (old[i].a || old[i].b)
				*find_slot(scan, &old[i]) = old[i];
		free(old);
	}
	*find_slot(scan, key) = *key;
	scan->used++;
}

void corpus_scan_commit(struct corpus_scan *scan, const struct corpus_found *found)
{
	size_t i;

	for (i = 0; i < found->count; i++)
		remember(scan, &found->keys[i]);
}

/* A file that is new, and what came of reading it. */
struct file {
	char *name;
	struct corpus_scan_key key;
	size_t size;
	int64_t mtime_ms;
	enum { GONE, UNFINISHED, LATER, REFUSED, TAKEN } what;
	struct corpus_new_unit unit;
	struct iw_err why; /* of a refusal */
};

struct scanning {
	struct corpus_scan *scan;
	bool is_final;
	int dirfd;
	int64_t now;
	struct file *files;
	size_t count, cap, bytes;
	size_t later; /* files that could not be read */
	struct iw_err why;
	bool has_more;
};

/* Every n-th file is one reader's. */
struct reader {
	const struct scanning *s;
	struct corpus_encoder *encoder;
	struct iw_buf *records;
	size_t first, step;
	pthread_t thread;
};

static int64_t ms_of(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Lists one file; 1: a bound is reached. */
static int list_file(struct scanning *s, const char *name)
{
	struct corpus_scan_key key = key_of(name);
	struct stat st;

	if (is_seen(s->scan, &key))
		return 0;
	if (fstatat(s->dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0; /* an engine removed it meanwhile */
	if (S_ISDIR(st.st_mode))
		return 0;
	if (s->scan->wants && !s->scan->wants(s->scan->wants_ctx, name)) {
		remember(s->scan, &key);
		return 0;
	}
	if (s->count == CORPUS_SCAN_FILES ||
		(s->count > 0 && s->bytes + (size_t)st.st_size > CORPUS_SCAN_BYTES)) {
		s->has_more = true;
		return 1;
	}
	iw_grow(s->files, s->count, s->cap);
	s->files[s->count++] = (struct file){
		.name = iw_strdup(name),
		.key = key,
		.size = (size_t)st.st_size,
		.mtime_ms = ms_of(st.st_mtim),
	};
	s->bytes += (size_t)st.st_size;
	return 0;
}

/* 0, or an errno: then nobody knows what else there is. */
static int list_files(struct scanning *s, DIR *dir)
{
	struct dirent *entry;

	while (errno = 0, (entry = readdir(dir)) != NULL) {
		/* AFL++ keeps its books in dot files. */
		if (entry->d_name[0] != '.' && list_file(s, entry->d_name) != 0)
			return 0;
	}
	return errno;
}

static bool is_sha1_name(const char *name)
{
	return strlen(name) == IW_SHA1_HEX - 1 &&
		strspn(name, "0123456789abcdef") == IW_SHA1_HEX - 1;
}

static bool is_whole(
	const struct scanning *s, const struct file *file, const void *data, size_t len)
{
	char sha1[IW_SHA1_HEX];

	if (s->is_final)
		return true;
	if (!is_sha1_name(file->name))
		/* Both ways: a clock that was set back leaves files of the future. */
		return llabs(s->now - file->mtime_ms) >= CORPUS_SCAN_SETTLE_MS;
	iw_sha1_hex(data, len, sha1);
	return strcmp(file->name, sha1) == 0;
}

static void read_file(struct reader *r, struct file *file)
{
	_auto_free_ char *data = NULL;
	size_t len, before = r->records->len;
	int rc;

	rc = iw_file_read_foreign_at(
		r->s->dirfd, file->name, CORPUS_UNIT_MAX, &data, &len, &file->why);
	if (rc == IW_ENOENT) {
		file->what = GONE;
	} else if (rc == IW_EINVAL) {
		file->what = REFUSED;
	} else if (rc < 0) {
		file->what =
			LATER; /* a lack of ours or of the disk, not the file's fault */
	} else if (!is_whole(r->s, file, data, len)) {
		file->what = UNFINISHED;
	} else {
		file->what = TAKEN;
		file->unit.sha = iw_sha256(data, len);
		file->unit.size = (uint32_t)len;
		corpus_encode(r->encoder, data, len, &file->unit.sha, r->records);
		file->unit.record_len = r->records->len - before;
	}
}

static void *read_files(void *arg)
{
	struct reader *r = arg;
	const char *record;
	size_t i;

	for (i = r->first; i < r->s->count; i += r->step)
		read_file(r, &r->s->files[i]);
	/* Only now the buffer moves no more. */
	record = r->records->data;
	for (i = r->first; i < r->s->count; i += r->step) {
		struct corpus_new_unit *unit = &r->s->files[i].unit;

		if (unit->record_len == 0)
			continue;
		unit->record = record;
		record += unit->record_len;
	}
	return NULL;
}

/* Reads all; this thread takes a share. */
static void read_all(struct scanning *s, struct corpus_found *found)
{
	struct reader readers[THREADS_MAX];
	bool is_running[THREADS_MAX] = {false};
	size_t n = s->scan->threads > 0 ? (size_t)s->scan->threads : 1, i;

	if (n > s->count / THREAD_MIN)
		n = s->count / THREAD_MIN;
	if (n > THREADS_MAX)
		n = THREADS_MAX;
	if (n == 0)
		n = 1;
	found->records = iw_calloc(n, sizeof *found->records);
	found->record_bufs = n;
	for (i = n; i-- > 0;) {
		readers[i] = (struct reader){.s = s,
			.encoder = i ? corpus_encoder_new() : s->scan->encoder,
			.records = &found->records[i],
			.first = i,
			.step = n};
		if (i > 0)
			is_running[i] = pthread_create(&readers[i].thread, NULL,
						read_files, &readers[i]) == 0;
		if (!is_running[i])
			read_files(&readers[i]);
	}
	for (i = 1; i < n; i++) {
		if (is_running[i])
			pthread_join(readers[i].thread, NULL);
		corpus_encoder_free(readers[i].encoder);
	}
}

static void gather(struct scanning *s, struct corpus_found *found)
{
	size_t i;

	found->units = iw_calloc(s->count + 1, sizeof *found->units);
	found->keys = iw_calloc(s->count + 1, sizeof *found->keys);
	found->has_more = s->has_more;
	for (i = 0; i < s->count; i++) {
		struct file *file = &s->files[i];

		if (file->what == TAKEN) {
			found->keys[found->count] = file->key;
			found->units[found->count++] = file->unit;
		} else if (file->what == UNFINISHED) {
			found->unfinished++;
		} else if (file->what == LATER) {
			s->why = file->why;
			iw_err_wrap(&s->why, "in '%s'", s->scan->dir);
			s->later++;
		} else if (file->what == REFUSED) {
			found->refused++;
			iw_warn("file is no unit", S("file", file->name),
				S("dir", s->scan->dir), S("why", file->why.msg));
			remember(s->scan, &file->key);
		}
		free(file->name);
	}
	free(s->files);
}

/* A name that comes or goes changes a folder's time: as long as that stands still, there
 * is nothing to list. */
static bool is_quiet(const struct corpus_scan *scan, const struct stat *st)
{
	return scan->is_quiet && st->st_dev == scan->quiet_dev &&
		st->st_ino == scan->quiet_ino &&
		st->st_mtim.tv_sec == scan->quiet_mtime.tv_sec &&
		st->st_mtim.tv_nsec == scan->quiet_mtime.tv_nsec;
}

/* st is from before the listing, which saw every file and found none that is new. */
static void note_quiet(struct corpus_scan *scan, const struct stat *st, int64_t now)
{
	/* Both ways: a clock that was set back leaves a time of the future. */
	scan->is_quiet = llabs(now - ms_of(st->st_mtim)) >= TICK_MS;
	scan->quiet_dev = st->st_dev;
	scan->quiet_ino = st->st_ino;
	scan->quiet_mtime = st->st_mtim;
}

static int open_folder(const struct corpus_scan *scan, struct iw_err *err)
{
	int fd;

	/* A job could have put a link here that leads into ours. */
	if (scan->below)
		return iw_dir_open_below(scan->dir, scan->below, err);
	fd = open(scan->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? iw_err_errno(err, errno, "cannot open '%s'", scan->dir) : fd;
}

int corpus_scan_run(struct corpus_scan *scan, bool is_final, struct corpus_found *found,
	struct iw_err *err)
{
	struct scanning s = {
		.scan = scan, .is_final = is_final, .now = iw_time_wall_ms()};
	struct stat st = {0};
	DIR *dir;
	int listed;

	*found = (struct corpus_found){0};
	s.dirfd = open_folder(scan, err);
	if (s.dirfd < 0)
		return s.dirfd;
	if (fstat(s.dirfd, &st) == 0 && !is_final && is_quiet(scan, &st)) {
		close(s.dirfd);
		return 0;
	}
	dir = fdopendir(s.dirfd);
	if (!dir) {
		close(s.dirfd);
		return iw_err_set(err, IW_EIO, "cannot list '%s'", scan->dir);
	}
	listed = list_files(&s, dir);
	scan->is_quiet = false;
	if (listed == 0 && s.count == 0)
		note_quiet(scan, &st, s.now);
	read_all(&s, found);
	closedir(dir);
	gather(&s, found);
	if (found->count == 0 && listed != 0)
		return iw_err_errno(err, listed, "cannot list '%s'", scan->dir);
	if (found->count == 0 && s.later > 0 && is_final)
		return iw_err_copy(err, &s.why);
	/* The rest once more, when these are stored. */
	found->has_more |= is_final && (listed != 0 || s.later > 0);
	return 0;
}
