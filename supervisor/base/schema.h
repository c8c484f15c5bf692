/* The steps of supervisor/schema/, built in. */
#ifndef IW_BASE_SCHEMA_H
#define IW_BASE_SCHEMA_H

#include "base/db.h"

extern const struct iw_db_step iw_schema_steps[];
extern const size_t iw_schema_step_count;

#endif
