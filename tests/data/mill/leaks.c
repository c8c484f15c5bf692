/* What is lost: nobody points to it any more when the program ends. */
#include "mill.h"

#include <pthread.h>

struct node {
	struct node *next;
	char name[24];
};

/* asan,lsan  direct-leak size 24 alloc
 * memcheck   direct-leak size 24 alloc */
FAILURE(lost)
{
	kept = malloc(24); /* ALLOC */
	kept = NULL;
}

/* asan,lsan  direct-leak size 32 +indirect-leak alloc */
FAILURE(lost_with_what_it_held)
{
	struct node *volatile first = malloc(sizeof *first); /* ALLOC */

	first->next = malloc(sizeof *first);
	first->next->next = NULL;
	first = NULL;
}

/* asan,lsan  indirect-leak size 64 +indirect-leak alloc */
HELPER void *make_ring(void *unused)
{
	struct node *volatile first = calloc(1, sizeof *first); /* ALLOC */

	first->next = calloc(2, sizeof *first); /* ALLOC */
	first->next->next = first;
	return unused;
}

/* In a thread, whose stack and registers nobody looks at when it has ended. */
FAILURE(lost_in_a_ring)
{
	pthread_t thread;

	pthread_create(&thread, NULL, make_ring, NULL);
	pthread_join(thread, NULL);
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
	pthread_t thread;

	pthread_create(&thread, NULL, lose, NULL);
	pthread_join(thread, NULL);
}

/* asan,lsan  direct-leak size 80 alloc */
FAILURE(lost_many_times)
{
	for (int i = 0; i < 5; i++)
		kept = malloc(16); /* ALLOC */
	kept = NULL;
}
