#include "corpus/pack.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

#include "base/banned.h"

#define MAGIC 0x31555749u /* "IWU1" */
#define LEVEL 3
#define COMPRESS_MIN 64 /* below, a frame's own header eats what it saves */
#define WRITE_CHUNK ((size_t)1 << 20)

enum codec { CODEC_PLAIN, CODEC_ZSTD };

struct record {
	uint32_t magic;
	uint32_t codec;
	uint32_t size;	 /* of the content */
	uint32_t stored; /* bytes behind this header */
	struct iw_sha256 sha;
} __attribute__((packed));

struct corpus_encoder {
	ZSTD_CCtx *zstd;
};

struct corpus_packs {
	char *dir;

	/* the writer's */
	int fd; /* -1: not begun */
	int64_t pack, end;
	struct iw_buf pending; /* appended, not written yet: stands at end */
	bool is_new;	       /* the folder does not know the pack for sure */

	pthread_mutex_t lock; /* guards what is below */
	int *fds;	      /* by pack; -1: not open */
	size_t fd_count;
};

struct corpus_encoder *corpus_encoder_new(void)
{
	struct corpus_encoder *encoder = iw_calloc(1, sizeof *encoder);

	encoder->zstd = ZSTD_createCCtx();
	if (!encoder->zstd)
		abort();
	return encoder;
}

void corpus_encoder_free(struct corpus_encoder *encoder)
{
	if (!encoder)
		return;
	ZSTD_freeCCtx(encoder->zstd);
	free(encoder);
}

void corpus_encode(struct corpus_encoder *encoder, const void *data, size_t len,
	const struct iw_sha256 *sha, struct iw_buf *out)
{
	struct record head = {.magic = MAGIC, .size = (uint32_t)len, .sha = *sha};
	_auto_free_ char *packed = NULL;
	const void *body = data;
	size_t stored = len, n, bound;

	assert(len <= CORPUS_UNIT_MAX);
	if (len >= COMPRESS_MIN) {
		bound = ZSTD_compressBound(len);
		packed = iw_malloc(bound);
		n = ZSTD_compressCCtx(encoder->zstd, packed, bound, data, len, LEVEL);
		if (!ZSTD_isError(n) && n < len) {
			head.codec = CODEC_ZSTD;
			body = packed;
			stored = n;
		}
	}
	head.stored = (uint32_t)stored;
	iw_buf_add(out, &head, sizeof head);
	iw_buf_add(out, body, stored);
}

static char *pack_path(const struct corpus_packs *packs, int64_t pack)
{
	return iw_fmt("%s/%04" PRId64 ".pack", packs->dir, pack);
}

int corpus_packs_open(struct corpus_packs **out, const char *dir, struct iw_err *err)
{
	struct corpus_packs *packs;
	int rc = iw_dir_make(dir, err);

	if (rc < 0)
		return rc;
	packs = iw_calloc(1, sizeof *packs);
	packs->dir = iw_strdup(dir);
	packs->fd = -1;
	pthread_mutex_init(&packs->lock, NULL);
	*out = packs;
	return 0;
}

void corpus_packs_close(struct corpus_packs *packs)
{
	size_t i;

	if (!packs)
		return;
	for (i = 0; i < packs->fd_count; i++)
		if (packs->fds[i] >= 0)
			close(packs->fds[i]);
	free(packs->fds);
	pthread_mutex_destroy(&packs->lock);
	if (packs->fd >= 0)
		close(packs->fd);
	iw_buf_fini(&packs->pending);
	free(packs->dir);
	free(packs);
}

/* Goes on in this pack at end; what stands behind it is nobody's. */
static int open_pack(
	struct corpus_packs *packs, int64_t pack, int64_t end, struct iw_err *err)
{
	_auto_free_ char *path = pack_path(packs, pack);
	_auto_close_ int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	struct stat st;

	/* Until it is certain that we can go on here, the writer stays where it is. */
	if (fd < 0 || fstat(fd, &st) < 0)
		return iw_err_errno(err, errno, "cannot open '%s'", path);
	if (st.st_size < end) {
		/* Rows point at what is not there: a copy of the state that was made
		 * while we ran, or a broken disk. Appending would hide it. */
		iw_error("pack is shorter than its units say", S("pack", path),
			I("bytes", st.st_size), I("expected", end));
		return open_pack(packs, pack + 1, 0, err);
	}
	if (st.st_size > end && ftruncate(fd, end) < 0)
		return iw_err_errno(err, errno, "cannot cut '%s'", path);
	if (packs->fd >= 0)
		close(packs->fd);
	packs->fd = fd;
	fd = -1;
	packs->pack = pack;
	packs->end = end;
	packs->is_new = true;
	return 0;
}

int corpus_packs_begin(
	struct corpus_packs *packs, const struct corpus_place *end, struct iw_err *err)
{
	if (end->pack < 0)
		return open_pack(packs, 0, 0, err);
	return open_pack(packs, end->pack, end->offset + end->stored, err);
}

/* All or nothing: a write that fails in the middle (disk full) is taken back. */
static int flush(struct corpus_packs *packs, struct iw_err *err)
{
	const char *p = packs->pending.data;
	size_t left = packs->pending.len, done = 0;

	while (left > 0) {
		ssize_t n = pwrite(packs->fd, p + done, left, packs->end + (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int rc = iw_err_errno(err, errno == EFBIG ? ENOSPC : errno,
				"cannot append to pack "
				"%04" PRId64 " in '%s'",
				packs->pack, packs->dir);

			if (ftruncate(packs->fd, packs->end) < 0)
				iw_warn("torn tail stays", S("dir", packs->dir));
			iw_buf_clear(&packs->pending);
			return rc;
		}
		done += (size_t)n;
		left -= (size_t)n;
	}
	packs->end += (int64_t)done;
	iw_buf_clear(&packs->pending);
	return 0;
}

int corpus_packs_sync(struct corpus_packs *packs, struct iw_err *err)
{
	int rc = flush(packs, err);

	if (rc < 0)
		return rc;
	if (fdatasync(packs->fd) < 0)
		return iw_err_errno(err, errno, "cannot sync pack %04" PRId64 " in '%s'",
			packs->pack, packs->dir);
	if (packs->is_new)
		rc = iw_dir_sync(packs->dir, err);
	if (rc == 0)
		packs->is_new = false;
	return rc;
}

int corpus_packs_append(struct corpus_packs *packs, const void *record, size_t len,
	struct corpus_place *place, struct iw_err *err)
{
	int64_t end = packs->end + (int64_t)packs->pending.len;
	int rc = 0;

	if (packs->fd < 0)
		return iw_err_set(err, IW_EIO, "no pack in '%s' is open", packs->dir);
	if (end > 0 && end + (int64_t)len > CORPUS_PACK_MAX) {
		rc = corpus_packs_sync(packs, err);
		if (rc == 0)
			rc = open_pack(packs, packs->pack + 1, 0, err);
		end = 0;
	}
	if (rc < 0)
		return rc;
	*place = (struct corpus_place){
		.pack = packs->pack, .offset = end, .stored = (int64_t)len};
	iw_buf_add(&packs->pending, record, len);
	if (packs->pending.len >= WRITE_CHUNK)
		rc = flush(packs, err);
	return rc;
}

/* A descriptor to read a pack by; packs are few and stay open. */
static int reading_fd(struct corpus_packs *packs, int64_t pack, struct iw_err *err)
{
	_auto_free_ char *path = pack_path(packs, pack);
	int fd;

	if (pack < 0 || pack > INT32_MAX)
		return iw_err_set(
			err, IW_EINVAL, "no pack has the number %" PRId64, pack);
	pthread_mutex_lock(&packs->lock);
	while ((size_t)pack >= packs->fd_count) {
		packs->fds = iw_reallocarray(
			packs->fds, packs->fd_count + 1, sizeof *packs->fds);
		packs->fds[packs->fd_count++] = -1;
	}
	if (packs->fds[pack] < 0)
		packs->fds[pack] = open(path, O_RDONLY | O_CLOEXEC);
	fd = packs->fds[pack];
	pthread_mutex_unlock(&packs->lock);
	return fd >= 0 ? fd : iw_err_errno(err, errno, "cannot open '%s'", path);
}

static int read_record(struct corpus_packs *packs, const struct corpus_place *place,
	char *record, struct iw_err *err)
{
	int fd = reading_fd(packs, place->pack, err);
	size_t done = 0, len = (size_t)place->stored;

	if (fd < 0)
		return fd;
	while (done < len) {
		ssize_t n =
			pread(fd, record + done, len - done, place->offset + (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return iw_err_errno(err, errno, "cannot read");
		if (n == 0)
			return iw_err_set(err, IW_EINVAL, "it ends too early");
		done += (size_t)n;
	}
	return 0;
}

/* Opens one record that was read into memory. */
static int decode(const char *record, const struct corpus_place *place,
	const struct iw_sha256 *sha, char **data, size_t *len, struct iw_err *err)
{
	_auto_free_ char *content = NULL;
	struct iw_sha256 found;
	struct record head;
	size_t n;

	memcpy(&head, record, sizeof head);
	if (head.magic != MAGIC || head.size > CORPUS_UNIT_MAX ||
		head.stored != (size_t)place->stored - sizeof head ||
		!iw_sha256_equal(&head.sha, sha))
		return iw_err_set(err, IW_EINVAL, "its header is damaged");
	content = iw_malloc((size_t)head.size + 1);
	if (head.codec == CODEC_ZSTD) {
		n = ZSTD_decompress(
			content, head.size, record + sizeof head, head.stored);
		if (ZSTD_isError(n) || n != head.size)
			return iw_err_set(err, IW_EINVAL, "it does not decompress");
	} else if (head.codec == CODEC_PLAIN && head.stored == head.size) {
		memcpy(content, record + sizeof head, head.size);
	} else {
		return iw_err_set(err, IW_EINVAL, "its header is damaged");
	}
	found = iw_sha256(content, head.size);
	if (!iw_sha256_equal(&found, sha))
		return iw_err_set(err, IW_EINVAL, "its content is damaged");
	content[head.size] = '\0';
	*data = iw_steal(&content);
	*len = head.size;
	return 0;
}

int corpus_packs_read(struct corpus_packs *packs, const struct corpus_place *place,
	const struct iw_sha256 *sha, char **data, size_t *len, struct iw_err *err)
{
	_auto_free_ char *record = NULL;
	char hex[IW_SHA256_HEX];
	int rc;

	iw_sha256_hex(sha, hex);
	if (place->offset < 0 || place->stored < (int64_t)sizeof(struct record) ||
		place->stored > (int64_t)(sizeof(struct record) + CORPUS_UNIT_MAX))
		return iw_err_set(err, IW_EINVAL, "unit %s has an impossible place", hex);
	record = iw_malloc((size_t)place->stored);
	rc = read_record(packs, place, record, err);
	if (rc == 0)
		rc = decode(record, place, sha, data, len, err);
	if (rc < 0)
		return iw_err_wrap(err, "unit %s in pack %04" PRId64 " at %" PRId64, hex,
			place->pack, place->offset);
	return 0;
}
