/* Threads in C: who touches what at the same time, and who holds which lock. */
#include "mill.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#ifdef MILL_TSAN
#include <sanitizer/tsan_interface.h>
#endif

static int shared, other;
static pthread_mutex_t first = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t second = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t third = PTHREAD_MUTEX_INITIALIZER;

/* Who comes first is decided by this, which no tool takes for a lock. */
static int turn;

static void next_turn(void)
{
	__atomic_add_fetch(&turn, 1, __ATOMIC_RELAXED);
}

static void wait_for_turn(int n)
{
	while (__atomic_load_n(&turn, __ATOMIC_RELAXED) < n)
		sched_yield();
}

/* tsan      data-race write 4 address crash other-access thread */
HELPER void *add_one(void *unused)
{
	shared++; /* OTHER-ACCESS */
	next_turn();
	return unused;
}

FAILURE(both_write)
{
	pthread_t thread;

	pthread_create(&thread, NULL, add_one, NULL); /* THREAD */
	wait_for_turn(1);
	shared = 1; /* CRASH */
	pthread_join(thread, NULL);
}

/* helgrind  data-race write 4 address +data-race crash other-access
 * drd       data-race write 4 address +data-race crash */
HELPER void *add_two(void *unused)
{
	shared += 2; /* CRASH OTHER-ACCESS */
	return unused;
}

FAILURE(both_add)
{
	pthread_t a, b;

	pthread_create(&a, NULL, add_two, NULL); /* THREAD */
	pthread_create(&b, NULL, add_two, NULL); /* THREAD */
	pthread_join(a, NULL);
	pthread_join(b, NULL);
}

/* tsan      data-race read 4 address crash other-access thread */
HELPER void *write_shared(void *unused)
{
	shared = 2; /* OTHER-ACCESS */
	next_turn();
	return unused;
}

FAILURE(read_beside_write)
{
	pthread_t thread;

	pthread_create(&thread, NULL, write_shared, NULL); /* THREAD */
	wait_for_turn(1);
	sink = (char)shared; /* CRASH */
	pthread_join(thread, NULL);
}

/* tsan      data-race write 4 address crash other-access alloc thread thread
 * tsan@gcc  data-race write 1 address crash other-access alloc thread thread */
HELPER void *write_block(void *block)
{
	*(int *)block = 1; /* OTHER-ACCESS */
	next_turn();
	return block;
}

HELPER void *clear_block(void *block)
{
	wait_for_turn(1);
	memset(block, 0, 4); /* CRASH */
	return block;
}

FAILURE(two_threads_and_a_block)
{
	void *block = malloc(4); /* ALLOC */
	pthread_t a, b;

	pthread_create(&a, NULL, write_block, block); /* THREAD */
	pthread_create(&b, NULL, clear_block, block); /* THREAD */
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	free(block);
}

/* tsan      data-race write 4 address crash other-access thread */
HELPER void *count_up(void *unused)
{
	__atomic_add_fetch(&other, 1, __ATOMIC_SEQ_CST); /* OTHER-ACCESS */
	next_turn();
	return unused;
}

FAILURE(atomic_and_plain)
{
	pthread_t thread;

	pthread_create(&thread, NULL, count_up, NULL); /* THREAD */
	wait_for_turn(1);
	other = 0; /* CRASH */
	pthread_join(thread, NULL);
}

/* tsan      data-race write 4 address crash other-access place place thread */
HELPER void *write_with_first(void *unused)
{
	pthread_mutex_lock(&first); /* PLACE */
	shared = 3; /* OTHER-ACCESS */
	pthread_mutex_unlock(&first);
	next_turn();
	return unused;
}

FAILURE(each_with_its_own_lock)
{
	pthread_t thread;

	pthread_create(&thread, NULL, write_with_first, NULL); /* THREAD */
	wait_for_turn(1);
	pthread_mutex_lock(&second); /* PLACE */
	shared = 4; /* CRASH */
	pthread_mutex_unlock(&second);
	pthread_join(thread, NULL);
}

/* tsan      data-race write 8 address crash other-access thread */
HELPER void *read_block(void *block)
{
	sink = *(volatile char *)block; /* OTHER-ACCESS */
	next_turn();
	return NULL;
}

FAILURE(freed_beside_read)
{
	void *block = malloc(8);
	pthread_t thread;

	pthread_create(&thread, NULL, read_block, block); /* THREAD */
	wait_for_turn(1);
	free(block); /* CRASH */
	pthread_join(thread, NULL);
}

/* tsan      heap-use-after-free write 4 address security crash other-access thread */
HELPER void *free_block(void *block)
{
	free(block); /* OTHER-ACCESS */
	next_turn();
	return NULL;
}

FAILURE(write_beside_free)
{
	int *volatile block = malloc(sizeof *block);
	pthread_t thread;

	pthread_create(&thread, NULL, free_block, block); /* THREAD */
	wait_for_turn(1);
	*block = 1; /* CRASH */
	pthread_join(thread, NULL);
}

/* tsan      data-race write 8 address crash other-access place thread */
HELPER void *write_to_pipe(void *fd)
{
	sink = (char)write(*(int *)fd, "x", 1); /* OTHER-ACCESS */
	next_turn();
	return NULL;
}

FAILURE(closed_beside_write)
{
	int fds[2];
	pthread_t thread;

	sink = (char)pipe(fds); /* PLACE */
	pthread_create(&thread, NULL, write_to_pipe, &fds[1]); /* THREAD */
	wait_for_turn(1);
	close(fds[1]); /* CRASH */
	pthread_join(thread, NULL);
}

/* tsan      lock-order-inversion crash other other-access other
 * helgrind  lock-order-inversion address crash other other-access other place place */
HELPER void lock_both(pthread_mutex_t *a, pthread_mutex_t *b)
{
	pthread_mutex_lock(a); /* CRASH OTHER OTHER-ACCESS PLACE */
	pthread_mutex_lock(b); /* CRASH OTHER OTHER-ACCESS PLACE */
	pthread_mutex_unlock(b);
	pthread_mutex_unlock(a);
}

FAILURE(two_locks_crosswise)
{
	lock_both(&first, &second);
	lock_both(&second, &first);
}

/* tsan      lock-order-inversion crash other other-access other other-access other */
FAILURE(three_locks_in_a_ring)
{
	pthread_mutex_lock(&first); /* OTHER */
	pthread_mutex_lock(&second); /* CRASH */
	pthread_mutex_unlock(&second);
	pthread_mutex_unlock(&first);
	pthread_mutex_lock(&second); /* OTHER */
	pthread_mutex_lock(&third); /* OTHER-ACCESS */
	pthread_mutex_unlock(&third);
	pthread_mutex_unlock(&second);
	pthread_mutex_lock(&third); /* OTHER */
	pthread_mutex_lock(&first); /* OTHER-ACCESS */
	pthread_mutex_unlock(&first);
	pthread_mutex_unlock(&third);
}

/* tsan      thread-leak thread */
HELPER void *do_nothing(void *unused)
{
	next_turn();
	return unused;
}

FAILURE(never_joined)
{
	pthread_t thread;

	pthread_create(&thread, NULL, do_nothing, NULL); /* THREAD */
	wait_for_turn(1);
	usleep(200000);
}

/* tsan      mutex-misuse "destroy of a locked mutex" crash other place
 * drd       mutex-misuse address crash place */
FAILURE(destroyed_while_locked)
{
	static pthread_mutex_t mutex;

	pthread_mutex_init(&mutex, NULL); /* PLACE */
	pthread_mutex_lock(&mutex); /* OTHER PLACE */
	pthread_mutex_destroy(&mutex); /* CRASH */
}

/* tsan      mutex-misuse "unlock of an unlocked mutex" crash place
 * helgrind  mutex-misuse address crash place
 * drd       mutex-misuse address crash place */
FAILURE(unlocked_though_not_locked)
{
	static pthread_mutex_t mutex;

	pthread_mutex_init(&mutex, NULL); /* PLACE */
	pthread_mutex_unlock(&mutex); /* CRASH */
}

/* tsan      mutex-misuse "unlock of an unlocked mutex (or by a wrong thread)" crash place
 * helgrind  mutex-misuse address thread crash place
 * drd       mutex-misuse address crash place */
HELPER void *unlock_first(void *unused)
{
	pthread_mutex_unlock(&first); /* CRASH */
	return unused;
}

FAILURE(unlocked_by_a_stranger)
{
	pthread_t thread;

	pthread_mutex_lock(&first); /* PLACE */
	pthread_create(&thread, NULL, unlock_first, NULL); /* THREAD */
	pthread_join(thread, NULL);
	pthread_mutex_unlock(&first);
}

/* tsan      mutex-misuse "use of an invalid mutex" crash */
FAILURE(locked_after_destroying)
{
	static pthread_mutex_t mutex;

	pthread_mutex_init(&mutex, NULL);
	pthread_mutex_destroy(&mutex);
	pthread_mutex_lock(&mutex); /* CRASH */
}

/* tsan      mutex-misuse "double lock of a mutex" crash place */
HELPER void *lock_and_forget(void *mutex)
{
	pthread_mutex_lock(mutex);
	/* The mutex no longer knows who holds it; the tool does. */
	memset(mutex, 0, sizeof(pthread_mutex_t));
	return mutex;
}

FAILURE(locked_by_two)
{
	static pthread_mutex_t mutex;
	pthread_t thread;

	pthread_mutex_init(&mutex, NULL); /* PLACE */
	pthread_create(&thread, NULL, lock_and_forget, &mutex);
	pthread_join(thread, NULL);
	pthread_mutex_lock(&mutex); /* CRASH */
}

#ifdef MILL_TSAN
/* tsan      mutex-misuse "read lock of a write locked mutex" crash place */
FAILURE(locked_for_reading_too)
{
	static char lock;

	__tsan_mutex_create(&lock, 0); /* PLACE */
	__tsan_mutex_pre_lock(&lock, 0);
	__tsan_mutex_post_lock(&lock, 0, 0);
	__tsan_mutex_pre_lock(&lock, __tsan_mutex_read_lock);
	__tsan_mutex_post_lock(&lock, __tsan_mutex_read_lock, 0); /* CRASH */
}

/* tsan      mutex-misuse "read unlock of a write locked mutex" crash place */
FAILURE(unlocked_as_if_read)
{
	static char lock;

	__tsan_mutex_create(&lock, 0); /* PLACE */
	__tsan_mutex_pre_lock(&lock, 0);
	__tsan_mutex_post_lock(&lock, 0, 0);
	__tsan_mutex_pre_unlock(&lock, __tsan_mutex_read_lock); /* CRASH */
	__tsan_mutex_post_unlock(&lock, __tsan_mutex_read_lock);
}
#endif

/* tsan      signal-unsafe-call "signal-unsafe call inside of a signal" crash */
HELPER void on_signal_allocate(int number)
{
	(void)number;
	kept = malloc(8); /* CRASH */
}

static void wait_for_signal(void (*handler)(int))
{
	struct sigaction action = {0};

	action.sa_handler = handler;
	sigaction(SIGALRM, &action, NULL);
	raise(SIGALRM);
}

FAILURE(allocated_in_a_handler)
{
	wait_for_signal(on_signal_allocate);
}

/* tsan      signal-unsafe-call "signal handler spoils errno" crash */
HELPER void on_signal_fail(int number) /* CRASH */
{ /* CRASH */
	errno = number;
}

FAILURE(errno_lost_in_a_handler)
{
	struct sigaction action = {0};

	action.sa_handler = on_signal_fail;
	sigaction(SIGALRM, &action, NULL);
	alarm(1);
	sleep(2);
	usleep(1000);
}

/* helgrind  mutex-misuse "still holds" thread crash~ */
HELPER void *end_with_lock(void *unused)
{
	pthread_mutex_lock(&second);
	return unused;
}

FAILURE(ended_with_a_lock)
{
	pthread_t thread;

	pthread_create(&thread, NULL, end_with_lock, NULL); /* THREAD */
	pthread_join(thread, NULL);
}
