#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdexcept>
#include <thread>
#include <unistd.h>
static volatile int sink;
static int *volatile global_ptr;
static int shared_counter;
#define NI __attribute__((noinline))
namespace mill
{
NI int read_past(int *p, size_t n)
{
	return p[n];
}
NI void heap_overflow(size_t n)
{
	int *p = new int[4];
	sink = read_past(p, 4 + n / 64);
	delete[] p;
}
NI void use_after_free()
{
	int *p = (int *)malloc(16);
	free(p);
	sink = read_past(p, 1);
}
NI void double_free()
{
	char *volatile p = (char *)malloc(8);
	free(p);
	free(p);
}
NI void stack_overrun(size_t n)
{
	int a[4];
	memset(a, 0, sizeof a);
	int *volatile q = a;
	sink = read_past(q, 4 + n / 64);
}
NI int add(int a, int b)
{
	return a + b;
}
NI int shift(int a, int b)
{
	return a << b;
}
NI void null_write()
{
	int *volatile p = nullptr;
	*p = 1;
}
NI void wild_read()
{
	int *volatile p = (int *)0x414141414100;
	sink = *p;
}
NI int recurse(int n)
{
	volatile char pad[512];
	pad[0] = (char)n;
	return n == -1 ? 0 : recurse(n + 1) + pad[0];
}
NI void check(int n)
{
	assert(n == 77 && "the furnace is cold");
}
NI void leak()
{
	global_ptr = (int *)malloc(40);
	global_ptr = nullptr;
}
NI void spin()
{
	for (;;)
		sink = 1;
}
NI void grab()
{
	char *volatile p = (char *)malloc((size_t)3 << 30);
	if (p) {
		memset(p, 1, 100);
	}
	sink = p != nullptr;
	free(p);
}
NI void raise_it()
{
	throw std::runtime_error("no ore left");
}
NI void bump()
{
	for (int i = 0; i < 1000; i++)
		shared_counter++;
}
NI void race()
{
	std::thread a(bump), b(bump);
	a.join();
	b.join();
}
NI void branch_on(int *p)
{
	if (p[1])
		puts("hot");
}
NI void uninit()
{
	int *p = (int *)malloc(16);
	branch_on(p);
	free(p);
}
NI void corrupt(uint8_t *d)
{
	d[0] ^= 1;
}
NI void trap()
{
	__builtin_trap();
}
NI int divide(int a, int b)
{
	return a / b;
}
} // namespace mill
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *d, size_t n)
{
	if (!n)
		return 0;
	switch (d[0]) {
	case 'a':
		mill::heap_overflow(n);
		break;
	case 'f':
		mill::use_after_free();
		break;
	case 'd':
		mill::double_free();
		break;
	case 's':
		mill::stack_overrun(n);
		break;
	case 'i':
		sink = mill::add(0x7fffffff, (int)n);
		break;
	case 'h':
		sink = mill::shift(1, 40 + (int)n);
		break;
	case 'n':
		mill::null_write();
		break;
	case 'w':
		mill::wild_read();
		break;
	case 'r':
		sink = mill::recurse((int)n);
		break;
	case 'A':
		mill::check((int)n);
		break;
	case 'l':
		mill::leak();
		break;
	case 't':
		mill::spin();
		break;
	case 'o':
		mill::grab();
		break;
	case 'e':
		mill::raise_it();
		break;
	case 'R':
		mill::race();
		break;
	case 'm':
		mill::uninit();
		break;
	case 'c':
		mill::corrupt((uint8_t *)d);
		break;
	case 'T':
		mill::trap();
		break;
	case 'x':
		exit(3);
	case 'b':
		abort();
	case 'z':
		sink = mill::divide((int)n, sink = 0);
		break;
	}
	return 0;
}
