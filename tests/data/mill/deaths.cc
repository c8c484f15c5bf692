// C++ programs that nobody catches.
#include "mill.h"

#include <functional>
#include <stdexcept>
#include <thread>
#include <vector>

namespace storage {

struct broken_row : std::runtime_error {
	using std::runtime_error::runtime_error;
};

struct Table {
	Table() { start(); }
	virtual ~Table() = default;
	void start();
	virtual void fill() = 0;
};

struct Ready : Table {
	void fill() override {}
};

} // namespace storage

/* libc      uncaught-exception "row 7"
 * asan,ubsan@clang,tsan  uncaught-exception "row 7" +abrt crash
 * gdb       uncaught-exception "row 7" +abrt crash */
FAILURE(thrown_and_not_caught)
{
	throw storage::broken_row("row 7"); /* CRASH */
}

/* libc      uncaught-exception "int"
 * asan,ubsan@clang,tsan  uncaught-exception +abrt crash */
FAILURE(thrown_number)
{
	throw 7 + one; /* CRASH */
}

/* libc      uncaught-exception "vector::_M_range_check"
 * asan,ubsan@clang,tsan  uncaught-exception +abrt crash */
FAILURE(thrown_by_the_library)
{
	std::vector<int> numbers(3);

	sink = static_cast<char>(numbers.at(3)); /* CRASH */
}

/* libc      uncaught-exception "inside"
 * asan,ubsan@clang,tsan  uncaught-exception +abrt crash */
HELPER void promises() noexcept
{
	throw std::logic_error("inside"); /* CRASH */
}

FAILURE(thrown_through_a_promise)
{
	promises();
}

/* libc      uncaught-exception "without an active exception"
 * asan,ubsan@clang,tsan  uncaught-exception +abrt crash */
FAILURE(thread_left_alone)
{
	std::thread thread([] {});
	/* Its end is a call of terminate(). */
} /* CRASH */

/* libc      uncaught-exception "pure virtual method called"
 * asan,ubsan@clang,tsan  uncaught-exception +abrt crash */
void storage::Table::start()
{
	fill(); /* CRASH */
}

FAILURE(called_what_is_pure)
{
	storage::Ready ready;

	sink = 0;
}

/* libc      assert security "__n < this->size()"
 * asan,ubsan@clang,tsan  assert security +abrt crash */
FAILURE(checked_by_the_library)
{
	std::vector<int> numbers(3);

	sink = static_cast<char>(numbers[2 + one]); /* CRASH */
}

/* libc      uncaught-exception "bad_function_call" */
FAILURE(called_an_empty_function)
{
	std::function<void()> nothing;

	nothing();
}
