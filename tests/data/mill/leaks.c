/* What is lost: nobody points to it any more when the program ends. */
#include "mill.h"

#include <pthread.h>

struct node {
	struct node *next;
	char name[24];
};

/* A thread's stack and registers are nobody's when it has ended: what was in them is lost. */
static void run_in_thread(void *(*body)(void *))
{
	pthread_t thread;

	pthread_create(&thread, NULL, body, NULL);
	pthread_join(thread, NULL);
}

/* asan,lsan  direct-leak size 24 alloc
 * memcheck   direct-leak size 24 alloc */
FAILURE(lost)
{
	kept = malloc(24); /* ALLOC */
	kept = NULL;
}

/* asan,lsan  direct-leak size 32 +indirect-leak alloc */
HELPER void *make_pair(void *unused)
{
	struct node *volatile first = malloc(sizeof *first); /* ALLOC */

	first->next = malloc(sizeof *first);
	first->next->next = NULL;
	return unused;
}

FAILURE(lost_with_what_it_held)
{
	run_in_thread(make_pair);
}

/* asan,lsan  indirect-leak size 64 +indirect-leak alloc */
HELPER void *make_ring(void *unused)
{
	struct node *volatile first = calloc(1, sizeof *first); /* ALLOC */

	first->next = calloc(2, sizeof *first); /* ALLOC */
	first->next->next = first;
	return unused;
}

FAILURE(lost_in_a_ring)
{
	run_in_thread(make_ring);
}

/* asan       direct-leak size 6 alloc
 * lsan       direct-leak size 6 alloc~
 * memcheck   direct-leak size 6 alloc */
FAILURE(lost_string)
{
	kept = strdup("lost."); /* ALLOC */
	kept = NULL;
}

/* asan,lsan  direct-leak size 100 alloc
 * memcheck   direct-leak size 100 alloc */
FAILURE(lost_after_growing)
{
	kept = realloc(malloc(10), 100); /* ALLOC */
	kept = NULL;
}

/* asan,lsan  direct-leak size 48 alloc */
HELPER void *lose(void *unused)
{
	kept = calloc(3, 16); /* ALLOC */
	kept = NULL;
	return unused;
}

FAILURE(lost_by_thread)
{
	run_in_thread(lose);
}

/* asan,lsan  direct-leak size 80 alloc */
FAILURE(lost_many_times)
{
	for (int i = 0; i < 5; i++)
		kept = malloc(16); /* ALLOC */
	kept = NULL;
}
