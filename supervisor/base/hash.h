/*
 * Content names: SHA-256 for everything of ours, SHA-1 where engines name files by it.
 * The work is nettle's. Thread: any.
 */
#ifndef IW_BASE_HASH_H
#define IW_BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct iw_sha256 {
	uint8_t bytes[32];
};

#define IW_SHA256_HEX 65 /* with the NUL */
#define IW_SHA1_HEX 41

struct iw_sha256 iw_sha256(const void *data, size_t len);
void iw_sha256_hex(const struct iw_sha256 *hash, char hex[static IW_SHA256_HEX]);
/* False when hex is no 64 lower-case digits. */
bool iw_sha256_parse(const char *hex, struct iw_sha256 *hash);
/* Of a file's content. */
int iw_sha256_file(const char *path, struct iw_sha256 *hash, struct iw_err *err);
bool iw_sha256_equal(const struct iw_sha256 *a, const struct iw_sha256 *b);
void iw_sha1_hex(const void *data, size_t len, char hex[static IW_SHA1_HEX]);
/* SHA-256 of a string, in hex: for names made of several parts. */
void iw_sha256_hex_of(const char *s, char hex[static IW_SHA256_HEX]);

#endif
