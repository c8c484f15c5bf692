/*
 * What the crash shield and the farm agree on.
 *
 * The shield is a part of `ironworks-driver.so`, preloaded into the target of an engine's
 * slice. A crash whose place is known costs that execution instead of the process:
 *
 *   LD_PRELOAD=…/ironworks-driver.so IRONWORKS_SHIELD=DIR TARGET <the engine's options>
 *
 * DIR holds `page`, made by the farm and mapped by every process of the target; what is
 * counted there survives whoever counts. Both variables are gone before the target's own
 * code runs. Where the shield cannot work (a static executable, one without symbols, one
 * with a main of its own) the target runs as it would without, and `state` stays 0.
 *
 * A key names the place of a crash within one build: the signal and the innermost program
 * counters inside the executable, so it means nothing on another build. The target can
 * scribble over the page; its reader takes it for foreign input, and all that it can do
 * with that is to hide its own crashes, which it could do anyway.
 */
#ifndef IW_ENGINE_SHIELD_FORMAT_H
#define IW_ENGINE_SHIELD_FORMAT_H

#include <stddef.h>
#include <stdint.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "formats are little endian");

#define IW_SHIELD_ENV "IRONWORKS_SHIELD"
#define IW_SHIELD_PAGE "page"
/* The last input that was swallowed at the place of slot N, "sample-N". */
#define IW_SHIELD_SAMPLE "sample-"

#define IW_SHIELD_MAGIC 0x444c4853u /* "SHLD" */
#define IW_SHIELD_VERSION 1
#define IW_SHIELD_SLOTS 64
/* Slots that the farm fills at most: the others are for what is new. */
#define IW_SHIELD_KNOWN_MAX 48

enum iw_shield_state {
	IW_SHIELD_ABSENT,
	IW_SHIELD_WORKS,
	/* It ended the process to begin afresh: what it had swallowed left too little
	 * memory, or a lock that nobody gives back. */
	IW_SHIELD_RENEWS,
};

struct iw_shield_slot {
	uint64_t key;	/* 0: free */
	uint64_t input; /* iw_shield_hash() of the unit that died here first */
	uint64_t deaths;
	uint64_t swallowed;
	uint64_t us; /* CPU time of these executions */
};

struct iw_shield_page {
	uint32_t magic, version;
	/* in */
	uint32_t known;	     /* so many slots are */
	uint32_t deaths_max; /* so many deaths make a place known; 0: none do */
	uint32_t rss_limit_mb;
	uint32_t wants_samples;
	uint64_t warm_units; /* so many executions are the corpus */
	/* out */
	uint32_t state;
	uint32_t unused;
	uint64_t executions;
	uint64_t warm_us;  /* CPU time until the corpus was read; 0: not yet */
	uint64_t last_key; /* of the last death; 0: nobody knows */
	struct iw_shield_slot slots[IW_SHIELD_SLOTS];
};

/* FNV-1a: tells inputs of one slice apart, nothing more. */
static inline uint64_t iw_shield_hash(uint64_t h, const void *data, size_t size)
{
	const uint8_t *p = data;

	if (!h)
		h = 0xcbf29ce484222325u;
	for (size_t i = 0; i < size; i++)
		h = (h ^ p[i]) * 0x100000001b3u;
	return h ? h : 1;
}

#endif
