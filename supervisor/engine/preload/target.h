/*
 * The target: what the driver needs of the executable it was loaded into, looked up in
 * the executable's own symbol tables, because counters and entry points are not exported.
 */
#ifndef IW_PRELOAD_TARGET_H
#define IW_PRELOAD_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/preload/sys.h"

typedef void (*target_malloc_cb)(const volatile void *p, size_t size);
typedef void (*target_free_cb)(const volatile void *p);

#define TARGET_TRACES_MAX 32

/* Every pointer but test_one may be NULL: the build has no such thing. */
struct target {
	int (*test_one)(const uint8_t *data, size_t size);
	int (*initialize)(int *argc, char ***argv);
	int (*run_driver)(
		int *argc, char ***argv, int (*run)(const uint8_t *data, size_t size));
	size_t main_size, test_one_size;
	uint8_t *counters;
	uint8_t *counters_end;
	int (*leak_check)(void);
	void (*print_stack)(void);
	int (*install_hooks)(target_malloc_cb on_malloc, target_free_cb on_free);
	void (*set_death_callback)(void (*cb)(void));
	void (*msan_unpoison)(const volatile void *p, size_t size);
	void (*msan_unpoison_param)(size_t count);
	void (*tsan_init)(void);
	void (*asan_unpoison)(const volatile void *p, size_t size);
	void (*asan_no_return)(void);
	void *asan_report;		 /* see report_take() */
	void *traces[TARGET_TRACES_MAX]; /* see engine/preload/traces.h */
	size_t trace_count;
};

/*
 * Fills *target. False, with the reason in *why, when the driver cannot work on this
 * executable; need_counters says whether one without counters counts as such.
 */
bool target_find(struct target *target, bool need_counters, struct text *why);

/* Whether a shared library brings counters of its own. */
bool target_has_other_counters(void);

#endif
