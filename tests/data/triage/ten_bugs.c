/*
 * A reader of small messages with ten faults of different kinds, each behind a few checks
 * as in real code: for the bench of `ironworks triage`. A message is a kind, a length and
 * a body; fault k is in read_k().
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct node {
	struct node *next;
	uint8_t value;
};

static uint32_t sum;
static int table[16] = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3};

/* Some work that does no harm. */
__attribute__((noinline)) static uint32_t checksum(const uint8_t *p, size_t n)
{
	uint32_t a = 1, b = 0;

	for (int round = 0; round < 50; round++)
		for (size_t i = 0; i < n; i++) {
			a = (a + p[i]) % 65521;
			b = (b + a) % 65521;
		}
	return b << 16 | a;
}

__attribute__((noinline)) static void read_text(const uint8_t *p, size_t n)
{
	char *copy = malloc(n);

	if (!copy)
		return;
	memcpy(copy, p, n);
	if (n > 2 && copy[0] == '"')
		copy[n] = '\0'; /* one too far */
	sum += (uint32_t)copy[0];
	free(copy);
}

__attribute__((noinline)) static void read_list(const uint8_t *p, size_t n)
{
	struct node *first = NULL, *node;

	for (size_t i = 0; i < n && i < 8; i++) {
		node = malloc(sizeof *node);
		node->value = p[i];
		node->next = first;
		first = node;
	}
	while (first) {
		node = first;
		first = first->next;
		free(node);
		if (node->value == 0x7f) /* after it was freed */
			break;
	}
	while (first) {
		node = first;
		first = first->next;
		free(node);
	}
}

__attribute__((noinline)) static void read_digits(const uint8_t *p, size_t n)
{
	char number[8];
	size_t i = 0;

	while (i < n && p[i] >= '0' && p[i] <= '9') { /* however many */
		number[i] = (char)p[i];
		i++;
	}
	sum += (uint32_t)number[0];
}

__attribute__((noinline)) static void read_index(const uint8_t *p, size_t n)
{
	if (n >= 2 && p[0] < 32)
		sum += (uint32_t)table[p[0]]; /* up to 15 */
}

__attribute__((noinline)) static void read_optional(const uint8_t *p, size_t n)
{
	const uint8_t *value = memchr(p, '=', n);

	if (n > 3 && p[0] == '?')
		sum += *(const volatile uint8_t *)value; /* without one */
}

__attribute__((noinline)) static void read_ratio(const uint8_t *p, size_t n)
{
	volatile int below;

	if (n < 4)
		return;
	below = p[0] - p[1];
	if (p[2] > 100)
		sum += (uint32_t)(1000 / below);
}

__attribute__((noinline)) static void read_asserted(const uint8_t *p, size_t n)
{
	if (n > 3 && p[0] == p[n - 1] && p[1] > 200)
		abort(); /* "cannot happen" */
}

__attribute__((noinline)) static int read_nested(const uint8_t *p, size_t n, int depth)
{
	volatile char room[512];

	room[0] = (char)depth;
	if (n > 0 && p[0] == '(')
		return read_nested(p, n, depth + 1) + room[0]; /* does not move on */
	return room[0];
}

__attribute__((noinline)) static void read_twice(const uint8_t *p, size_t n)
{
	char *volatile copy = malloc(16);

	free(copy);
	if (n > 1 && (p[0] ^ p[1]) == 0xff)
		free(copy);
}

__attribute__((noinline)) static void read_kept(const uint8_t *p, size_t n)
{
	char *volatile copy = malloc(40);

	if (n > 1 && p[0] == 'k')
		copy = NULL; /* nobody frees it */
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t at = 0;

	sum = checksum(data, size);
	while (size - at >= 2) {
		uint8_t kind = data[at];
		size_t n = data[at + 1];
		const uint8_t *body = data + at + 2;

		if (n > size - at - 2)
			n = size - at - 2;
		switch (kind % 16) {
		case 0:
			read_text(body, n);
			break;
		case 1:
			read_list(body, n);
			break;
		case 2:
			read_digits(body, n);
			break;
		case 3:
			read_index(body, n);
			break;
		case 4:
			read_optional(body, n);
			break;
		case 5:
			read_ratio(body, n);
			break;
		case 6:
			read_asserted(body, n);
			break;
		case 7:
			read_nested(body, n, 0);
			break;
		case 8:
			read_twice(body, n);
			break;
		case 9:
			read_kept(body, n);
			break;
		}
		at += 2 + n;
	}
	return 0;
}
