/* How many features a corpus has. */
#include "adapters/project_db.h"
#include "answers.h"
#include "base/mem.h"
#include "corpus/features.h"
#include "corpus/unit_db.h"

#include "base/banned.h"

struct counting {
	struct corpus_features *set;
	struct corpus_feature_packer *packer;
};

static int count_unit(void *ctx, const struct corpus_measure_row *row, struct iw_err *err)
{
	struct counting *c = ctx;
	_auto_free_ uint32_t *numbers =
		iw_calloc(row->feature_count + 1, sizeof *numbers);
	int rc;

	rc = corpus_features_unpack(c->packer, row->features, row->features_len,
		row->feature_count, numbers, err);
	if (rc == 0)
		corpus_features_add(c->set, numbers, row->feature_count);
	return rc;
}

int answer_features(
	struct iw_dbc *dbc, int64_t target_id, int64_t *features, struct iw_err *err)
{
	struct counting c = {
		.set = corpus_features_new(), .packer = corpus_feature_packer_new()};
	int64_t build_id;
	int rc = project_db_reference(dbc, target_id, &build_id, err);

	if (rc == 0 && build_id >= 0)
		rc = corpus_features_each(dbc, build_id, target_id, count_unit, &c, err);
	*features = (int64_t)corpus_features_total(c.set);
	corpus_features_free(c.set);
	corpus_feature_packer_free(c.packer);
	return rc;
}
