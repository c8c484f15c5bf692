/* Undefined behaviour of C, and what clang calls suspicious beside it. */
#include "mill.h"

#include <limits.h>

/* ubsan     integer-overflow crash */
FAILURE(sum_overflows)
{
	volatile int x = largest + one; /* CRASH */

	sink = (char)x;
}

/* ubsan     integer-overflow crash */
FAILURE(difference_overflows)
{
	volatile int x = -largest - 2 * one; /* CRASH */

	sink = (char)x;
}

/* ubsan     integer-overflow crash */
FAILURE(product_overflows)
{
	volatile long x = LONG_MAX * (1L + one); /* CRASH */

	sink = (char)x;
}

/* ubsan     integer-overflow "negation" crash */
FAILURE(negation_overflows)
{
	volatile int least = -largest - 1;
	volatile int x = -least; /* CRASH */

	sink = (char)x;
}

/* ubsan     integer-overflow "division" crash */
FAILURE(quotient_overflows)
{
	volatile int least = -largest - 1;
	volatile int x = least / minus_one; /* CRASH */

	sink = (char)x;
}

/* ubsan     divide-by-zero crash */
FAILURE(quotient_of_zero)
{
	volatile int x = one / zero; /* CRASH */

	sink = (char)x;
}

/* ubsan     divide-by-zero crash */
FAILURE(real_quotient_of_zero)
{
	volatile double x = 1.0 / (double)zero; /* CRASH */

	sink = (char)(x > 0);
}

/* ubsan     undefined-shift "too large" crash */
FAILURE(shifted_too_far)
{
	volatile int x = one << (31 + one); /* CRASH */

	sink = (char)x;
}

/* ubsan     undefined-shift "is negative" crash */
FAILURE(shifted_backwards)
{
	volatile int x = one >> minus_one; /* CRASH */

	sink = (char)x;
}

/* ubsan     undefined-shift "left shift of negative value" crash */
FAILURE(negative_shifted)
{
	volatile int x = minus_one << one; /* CRASH */

	sink = (char)x;
}

/* ubsan     undefined-shift "cannot be represented" crash */
FAILURE(shifted_over_the_sign)
{
	volatile int x = largest << 2; /* CRASH */

	sink = (char)x;
}

/* ubsan     index-out-of-bounds security crash */
FAILURE(index_past_end)
{
	static int table[4];
	volatile int i = 3 + one;

	sink = (char)table[i]; /* CRASH */
}

/* ubsan     index-out-of-bounds security crash */
FAILURE(index_negative)
{
	static int table[4][4];

	sink = (char)table[one][minus_one]; /* CRASH */
}

/* ubsan     misaligned-address read address crash */
FAILURE(misaligned_read)
{
	static char bytes[16] __attribute__((aligned(8)));
	int *p = (int *)(void *)(bytes + one);

	sink = (char)*p; /* CRASH */
}

/* ubsan     misaligned-address write address crash */
FAILURE(misaligned_write)
{
	static char bytes[16] __attribute__((aligned(8)));
	int *p = (int *)(void *)(bytes + one);

	*p = 1; /* CRASH */
}

/* ubsan     misaligned-address address crash */
FAILURE(misaligned_member)
{
	struct pair { long a, b; };
	static char bytes[32] __attribute__((aligned(8)));
	struct pair *p = (struct pair *)(void *)(bytes + one);

	p->b = 1; /* CRASH */
}

/* ubsan@clang  misaligned-address "assumption" crash */
FAILURE(assumed_alignment)
{
	static char bytes[128] __attribute__((aligned(64)));
	char *p = __builtin_assume_aligned(bytes + one, 32); /* CRASH */

	sink = *p;
}

/* ubsan     null-dereference read crash */
FAILURE(null_load)
{
	int *volatile p = NULL;

	sink = (char)*p; /* CRASH */
}

/* ubsan     null-dereference write crash */
FAILURE(null_store)
{
	int *volatile p = NULL;

	*p = 1; /* CRASH */
}

/* ubsan     null-dereference crash */
FAILURE(null_member)
{
	struct pair { int a, b; };
	struct pair *volatile p = NULL;
	int *volatile q = &p->b; /* CRASH */

	kept = q;
}

/* ubsan     object-size read address security crash */
FAILURE(object_too_small)
{
	static short b[2] __attribute__((aligned(8)));
	long *p = (long *)(void *)b;

	sink = (char)*p; /* CRASH */
}

/* ubsan     invalid-bool-value crash */
FAILURE(neither_true_nor_false)
{
	unsigned char c = (unsigned char)(one + 1);
	_Bool b;

	memcpy(&b, &c, 1);
	sink = b; /* CRASH */
}

/* ubsan     non-positive-vla-bound-value security crash */
FAILURE(array_of_negative_size)
{
	volatile char b[minus_one]; /* CRASH */

	sink = (char)sizeof b;
}

/* ubsan     float-cast-overflow crash */
FAILURE(number_too_large_for_its_type)
{
	volatile double huge = 1e30;
	volatile int x = (int)huge; /* CRASH */

	sink = (char)x;
}

/* ubsan@clang  implicit-conversion crash */
FAILURE(cut_short)
{
	volatile unsigned char c = (unsigned)largest; /* CRASH */

	sink = (char)(c & 1);
}

/* ubsan@clang  implicit-conversion crash */
FAILURE(changed_sign)
{
	volatile unsigned x = minus_one; /* CRASH */

	sink = (char)(x & 1);
}

/* ubsan@clang  unsigned-integer-overflow crash */
FAILURE(unsigned_sum_wraps)
{
	volatile unsigned most = UINT_MAX;
	volatile unsigned x = most + 1u; /* CRASH */

	sink = (char)x;
}

/* ubsan     pointer-overflow crash */
FAILURE(pointer_wraps)
{
	char *volatile p = (char *)(uintptr_t)(UINTPTR_MAX - (uintptr_t)one);
	char *volatile q = p + 16; /* CRASH */

	kept = q;
}

/* ubsan@clang  pointer-overflow crash */
FAILURE(null_plus_something)
{
	char *volatile p = NULL;
	char *volatile q = p + one; /* CRASH */

	kept = q;
}

/* ubsan     invalid-null-argument crash */
__attribute__((nonnull, noinline)) static void wants_pointer(void *p)
{
	kept = p;
}

FAILURE(null_argument)
{
	void *volatile p = NULL;

	wants_pointer(p); /* CRASH */
}

/* ubsan     invalid-null-return crash */
__attribute__((returns_nonnull, noinline)) static void *gives_pointer(void *volatile p)
{
	return p; /* CRASH */
}

FAILURE(null_return)
{
	kept = gives_pointer(NULL);
}

#ifdef __clang__
/* ubsan@clang  invalid-null-argument crash */
HELPER void wants_nonnull(void *_Nonnull p)
{
	kept = p;
}

FAILURE(null_for_nonnull_argument)
{
	void *volatile p = NULL;

	wants_nonnull(p); /* CRASH */
}

/* ubsan@clang  invalid-null-return crash */
HELPER void *_Nonnull gives_nonnull(void *volatile p)
{
	return p; /* CRASH */
}

FAILURE(null_from_nonnull_function)
{
	kept = gives_nonnull(NULL);
}
#endif

/* ubsan     invalid-builtin-use crash */
FAILURE(zeros_of_zero)
{
	sink = (char)__builtin_ctz((unsigned)zero); /* CRASH */
}

/* ubsan     unreachable crash */
FAILURE(reached_the_unreachable)
{
	if (zero == 0)
		__builtin_unreachable(); /* CRASH */
}
