// Undefined behaviour that only C++ has.
#include "mill.h"

namespace {

struct Animal {
	virtual ~Animal() {}
	virtual int legs() const { return leg_count; }
	int leg_count = 4;
};
struct Bird : Animal {
	int legs() const override { return 2 + wings; }
	int wings = 2;
};
struct Stone {
	virtual ~Stone() {}
	virtual int weight() const { return 1; }
};

enum Colour { red, green, blue };

} // namespace

/* ubsan     bad-cast address security "downcast" crash */
FAILURE(cast_to_what_it_is_not)
{
	Animal *volatile animal = new Animal;
	Bird *bird = static_cast<Bird *>(animal); /* CRASH */

	kept = bird;
}

/* ubsan     bad-cast address security "member call" crash */
FAILURE(called_on_a_stranger)
{
	void *volatile p = new Stone;
	Animal *animal = static_cast<Animal *>(p);

	sink = static_cast<char>(animal->legs()); /* CRASH */
}

/* ubsan     bad-cast address security "member access" crash */
FAILURE(member_of_a_stranger)
{
	void *volatile p = new Stone[2];
	Animal *animal = static_cast<Animal *>(p);

	animal->leg_count = 3; /* CRASH */
}

/* ubsan     invalid-enum-value crash */
FAILURE(colour_that_is_none)
{
	int n = 6 + one;
	void *volatile p = &n;

	sink = *static_cast<volatile Colour *>(p) == blue; /* CRASH */
}

/* ubsan     no-return-value crash */
HELPER int returns_nothing() /* CRASH */
{
	if (zero) /* CRASH */
		return 1;
}

FAILURE(flowed_off_the_end)
{
	sink = static_cast<char>(returns_nothing());
}

/* ubsan@clang  incorrect-function-pointer-type security crash */
HELPER void takes_number(int n)
{
	sink = static_cast<char>(n);
}

FAILURE(called_as_another_type)
{
	auto *volatile call = reinterpret_cast<void (*)(const char *)>(takes_number);

	call("text"); /* CRASH */
}

/* ubsan     null-dereference crash */
FAILURE(reference_to_null)
{
	int *volatile p = nullptr;
	int &r = *p; /* CRASH */

	kept = &r;
}

/* ubsan     null-dereference crash */
FAILURE(called_on_null)
{
	Animal *volatile animal = nullptr;

	sink = static_cast<char>(animal->legs()); /* CRASH */
}
