/* A target that needs a thread it started in LLVMFuzzerInitialize: a fork loses it. */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static const uint8_t *question;
static size_t question_size;
static int answer;

static void *serve(void *arg)
{
	pthread_mutex_lock(&lock);
	for (;;) {
		while (!question)
			pthread_cond_wait(&changed, &lock);
		answer = question_size > 2 ? question[2] : 0;
		question = NULL;
		pthread_cond_broadcast(&changed);
	}
	return arg;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	pthread_t t;

	if (*argc < 1 || !(*argv)[0])
		abort();
	return pthread_create(&t, NULL, serve, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	pthread_mutex_lock(&lock);
	question = data;
	question_size = size;
	pthread_cond_broadcast(&changed);
	while (question)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	if (answer == '!')
		abort();
	return 0;
}
