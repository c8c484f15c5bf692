// Threads in C++: objects that are made and destroyed while others use them.
#include "mill.h"

#include <sched.h>

#include <thread>
#include <vector>

static int turn;

static void next_turn()
{
	__atomic_add_fetch(&turn, 1, __ATOMIC_RELAXED);
}

static void wait_for_turn(int n)
{
	while (__atomic_load_n(&turn, __ATOMIC_RELAXED) < n)
		sched_yield();
}

namespace {

struct Base {
	virtual ~Base();
	virtual int run() { return 1; }
	__attribute__((noinline)) void start();
	int count = 0;
};

struct Derived : Base {
	int run() override { return 2; }
};

} // namespace

/* tsan      data-race write 8 address "data race on vptr" crash other-access alloc thread */
Base::~Base() /* CRASH */
{ /* CRASH */
	volatile bool is_gone = true; /* With nothing to do it would not even know its own type. */

	static_cast<void>(is_gone);
}

FAILURE(destroyed_beside_a_call)
{
	Base *volatile base = new Derived; /* ALLOC */
	std::thread thread([&] { /* THREAD */
		base->run(); /* OTHER-ACCESS */
		next_turn();
	}); /* THREAD */

	wait_for_turn(1);
	delete base;
	thread.join();
}

/* tsan      heap-use-after-free read 8 address security "virtual call vs free" crash other-access thread
 * tsan@gcc  heap-use-after-free read 8 address security crash other-access thread */
FAILURE(called_beside_a_delete)
{
	Base *volatile base = new Base;
	std::thread thread([&] { /* THREAD */
		operator delete(base); /* OTHER-ACCESS */
		next_turn();
	}); /* THREAD */

	wait_for_turn(1);
	base->run(); /* CRASH */
	thread.join();
}

/* tsan      data-race write 4 address crash other-access alloc thread */
void Base::start()
{
	count = 1; /* CRASH OTHER-ACCESS */
	next_turn();
}

FAILURE(method_beside_itself)
{
	Base *volatile base = new Base; /* ALLOC */
	std::thread thread([&] { base->start(); }); /* THREAD */

	wait_for_turn(1);
	base->start();
	thread.join();
}

/* tsan      data-race read 8 address crash other-access thread */
FAILURE(vector_grown_beside_a_read)
{
	static std::vector<int> numbers;
	std::thread thread([] { /* THREAD */
		numbers.push_back(1); /* OTHER-ACCESS */
		next_turn();
	}); /* THREAD */

	wait_for_turn(1);
	sink = numbers.data() != nullptr; /* CRASH */
	thread.join();
}
