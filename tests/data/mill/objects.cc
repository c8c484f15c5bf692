// C++ objects: made one way and destroyed another, outlived, or overrun inside a container.
#define _GLIBCXX_SANITIZE_VECTOR 1 // Its vector says which part of its memory is in use.
#undef _GLIBCXX_ASSERTIONS
#include "mill.h"

#include <memory>
#include <string>
#include <vector>

namespace {

struct Small { int a; };
struct Large { int a, b, c; };

struct Shape {
	virtual ~Shape();
	virtual int sides() const { return 3; }
};

template <typename T> class Stack {
public:
	void push(T value);
	const T &top() const;

private:
	std::vector<T> items_;
};

} // namespace

/* asan      alloc-dealloc-mismatch address security crash alloc
 * memcheck  alloc-dealloc-mismatch address security crash alloc */
FAILURE(new_and_free)
{
	int *volatile p = new int(1); /* ALLOC */

	free(p); /* CRASH */
}

/* asan      alloc-dealloc-mismatch address security crash alloc
 * memcheck  alloc-dealloc-mismatch address security crash alloc */
FAILURE(malloc_and_delete)
{
	int *volatile p = static_cast<int *>(malloc(sizeof *p)); /* ALLOC */

	delete p; /* CRASH */
}

/* asan      alloc-dealloc-mismatch address security crash alloc
 * memcheck  alloc-dealloc-mismatch address security crash alloc */
FAILURE(array_new_and_delete)
{
	int *volatile p = new int[4]; /* ALLOC */

	delete p; /* CRASH */
}

/* asan      new-delete-type-mismatch size 12 address security crash alloc */
FAILURE(deleted_as_another_type)
{
	void *volatile p = new Large(); /* ALLOC */

	delete static_cast<Small *>(p); /* CRASH */
}

/* asan      container-overflow read 4 address security crash alloc */
FAILURE(vector_past_its_size)
{
	std::vector<int> numbers(8); /* ALLOC */

	numbers.resize(4);
	sink = static_cast<char>(numbers.data()[4 + one]); /* CRASH */
}

/* asan      heap-buffer-overflow write 8 address security crash alloc
 * memcheck  heap-buffer-overflow write 8 address security crash alloc */
FAILURE(array_past_its_end)
{
	double *volatile p = new double[3]; /* ALLOC */

	p[2 + one] = 1; /* CRASH */
	delete[] p;
}

/* asan      heap-use-after-free read 8 address security crash free alloc
 * memcheck  heap-use-after-free read 8 address security crash free alloc */
Shape::~Shape()
{ /* FREE */
} /* FREE */

FAILURE(virtual_call_after_delete)
{
	Shape *volatile shape = new Shape; /* ALLOC */

	delete shape; /* FREE */
	shape->sides(); /* CRASH */
}

/* asan      heap-use-after-free read 4 address security crash free alloc
 * hwasan    tag-mismatch read 4 address security crash free alloc */
FAILURE(reference_after_growth)
{
	std::vector<int> numbers(1); /* ALLOC */
	int &first = numbers[0];

	numbers.resize(1000); /* FREE */
	sink = static_cast<char>(first); /* CRASH */
}

/* asan      heap-use-after-free read 1 address security crash free~ alloc~ */
FAILURE(view_after_string)
{
	const char *volatile view;
	{
		std::string text(100, 'x'); /* ALLOC */
		view = text.c_str();
	} /* FREE */
	sink = *view; /* CRASH */
}

/* asan      heap-buffer-overflow read 4 address security crash alloc */
template <typename T> void Stack<T>::push(T value)
{
	items_.push_back(value); /* ALLOC */
}

template <typename T> const T &Stack<T>::top() const
{
	return items_[static_cast<size_t>(zero) - 1]; /* CRASH */
}

FAILURE(template_before_start)
{
	Stack<int> stack;

	stack.push(1);
	sink = static_cast<char>(stack.top()); /* CRASH */
}

/* asan      double-free address security crash free alloc
 * memcheck  double-free address security crash free alloc
 * hwasan    bad-free address security crash free alloc */
FAILURE(owned_twice)
{
	Large *raw = new Large; /* ALLOC */
	std::unique_ptr<Large> first(raw), second(raw);

	first.reset(); /* FREE */
	second.reset(); /* CRASH */
}

/* asan      allocation-size-too-big size 4611686018427387900 crash
 * tsan      allocation-size-too-big size 4611686018427387900 crash */
FAILURE(new_too_many)
{
	volatile size_t n = SIZE_MAX / 16;

	kept = new int[n]; /* CRASH */
}

/* asan      heap-use-after-free read 4 address security crash free alloc */
FAILURE(captured_by_reference)
{
	auto counter = std::make_unique<int>(1); /* ALLOC */
	int *inner = counter.get();
	auto add = [&]() { return *inner + one; }; /* CRASH */

	counter.reset(); /* FREE */
	sink = static_cast<char>(add());
}
