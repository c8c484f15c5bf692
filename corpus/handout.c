#include "corpus/handout.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/schema.h"
#include "corpus/cover.h"

#include "base/banned.h"

static int write_unit(
	struct corpus_handout *h, const struct corpus_unit *unit, struct iw_err *err)
{
	_auto_free_ char *data = NULL;
	_auto_free_ char *path = NULL;
	char name[IW_SHA1_HEX];
	size_t len;
	int rc = corpus_packs_read(h->packs, &unit->place, &unit->sha, &data, &len, err);

	if (rc < 0)
		return rc;
	iw_sha1_hex(data, len, name);
	path = iw_path_join(h->dir, name);
	h->files++;
	h->bytes += len;
	return iw_file_write(path, data, len, 0644, err);
}

static int write_chosen(
	struct corpus_handout *h, const struct corpus_cover *cover, struct iw_err *err)
{
	size_t i;
	int rc = iw_dir_make(h->dir, err);

	for (i = 0; rc == 0 && i < cover->count; i++)
		if (cover->chosen[i])
			rc = write_unit(h, &cover->units[i], err);
	return rc;
}

int corpus_handout(struct corpus_handout *h, struct iw_err *err)
{
	struct corpus_cover cover = {0};
	struct iw_dbc *dbc = NULL;
	int rc;

	h->units = h->files = 0;
	h->bytes = 0;
	rc = iw_dbc_open(
		&dbc, h->db_path, IW_DB_READ, iw_schema_steps, iw_schema_step_count, err);
	if (rc == 0)
		rc = corpus_cover_load(
			&cover, dbc, h->build_id, h->target_id, NULL, 0, err);
	iw_dbc_close(dbc);
	if (rc == 0) {
		corpus_cover_distil(&cover);
		h->units = cover.count;
		rc = write_chosen(h, &cover, err);
	}
	corpus_cover_fini(&cover);
	return rc < 0 ? iw_err_wrap(err, "handing out the corpus") : 0;
}
