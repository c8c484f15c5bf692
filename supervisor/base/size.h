/*
 * Amounts of bytes, as people write and read them. Thread: any.
 */
#ifndef IW_BASE_SIZE_H
#define IW_BASE_SIZE_H

#include <stdint.h>

/* "17 B", "1.5 MiB", "300 GiB" */
void iw_size_words(int64_t bytes, char words[static 24]);
/* Reads "500M", "50G", "1.5T", "1048576"; K is 1,024. Returns bytes or -1. */
int64_t iw_size_parse(const char *s);

#endif
