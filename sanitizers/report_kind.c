#include "sanitizers/report_parse.h"

#include <ctype.h>
#include <string.h>

#include "base/banned.h"

#define NONE SAN_RANK_NONE
#define END SAN_RANK_END
#define SIGNAL SAN_RANK_SIGNAL
#define CAUSE SAN_RANK_CAUSE
#define PLAIN SAN_TYPE_PLAIN
#define SIZED SAN_TYPE_SIZED
#define ACCESS SAN_TYPE_ACCESS
#define FIRST true

/* is_security is about what a finding means before anybody looked at it: memory that the
 * program does not own, or types that are not what they seem. */
static const struct san_kind_row kinds[SAN_KINDS] = {
	[SAN_NOTHING] = {"nothing", "", END, false, PLAIN, false},
	[SAN_HEAP_BUFFER_OVERFLOW] = {"heap-buffer-overflow", "Heap-buffer-overflow",
		CAUSE, true, SIZED, false},
	[SAN_STACK_BUFFER_OVERFLOW] = {"stack-buffer-overflow", "Stack-buffer-overflow",
		CAUSE, true, SIZED, false},
	[SAN_STACK_BUFFER_UNDERFLOW] = {"stack-buffer-underflow",
		"Stack-buffer-underflow", CAUSE, true, SIZED, false},
	[SAN_GLOBAL_BUFFER_OVERFLOW] = {"global-buffer-overflow",
		"Global-buffer-overflow", CAUSE, true, SIZED, false},
	[SAN_DYNAMIC_STACK_BUFFER_OVERFLOW] = {"dynamic-stack-buffer-overflow",
		"Dynamic-stack-buffer-overflow", CAUSE, true, SIZED, false},
	[SAN_CONTAINER_OVERFLOW] = {"container-overflow", "Container-overflow", CAUSE,
		true, SIZED, false},
	[SAN_INTRA_OBJECT_OVERFLOW] = {"intra-object-overflow", "Intra-object-overflow",
		CAUSE, true, SIZED, false},
	[SAN_HEAP_USE_AFTER_FREE] = {"heap-use-after-free", "Heap-use-after-free", CAUSE,
		true, SIZED, false},
	[SAN_STACK_USE_AFTER_RETURN] = {"stack-use-after-return",
		"Stack-use-after-return", CAUSE, true, SIZED, false},
	[SAN_STACK_USE_AFTER_SCOPE] = {"stack-use-after-scope", "Stack-use-after-scope",
		CAUSE, true, SIZED, false},
	[SAN_USE_AFTER_POISON] = {"use-after-poison", "Use-after-poison", CAUSE, true,
		SIZED, false},
	[SAN_DOUBLE_FREE] = {"double-free", "Heap-double-free", CAUSE, true, PLAIN,
		false},
	[SAN_INVALID_FREE] = {"bad-free", "Invalid-free", CAUSE, true, PLAIN, false},
	[SAN_ALLOC_DEALLOC_MISMATCH] = {"alloc-dealloc-mismatch",
		"Alloc-dealloc-mismatch", CAUSE, true, PLAIN, false},
	[SAN_NEW_DELETE_TYPE_MISMATCH] = {"new-delete-type-mismatch",
		"New-delete-type-mismatch", CAUSE, true, PLAIN, false},
	[SAN_PARAM_OVERLAP] = {"param-overlap", "Memcpy-param-overlap", CAUSE, true,
		PLAIN, false},
	[SAN_NEGATIVE_SIZE_PARAM] = {"negative-size-param", "Negative-size-param", CAUSE,
		true, PLAIN, false},
	[SAN_BAD_PARAM] = {"bad-param", "Bad-parameter", CAUSE, false, PLAIN, false},
	[SAN_ODR_VIOLATION] = {"odr-violation", "Odr-violation", CAUSE, false, PLAIN,
		false},
	[SAN_INVALID_POINTER_PAIR] = {"invalid-pointer-pair", "Invalid-pointer-pair",
		CAUSE, true, PLAIN, false},
	[SAN_TAG_MISMATCH] = {"tag-mismatch", "Tag-mismatch", CAUSE, true, SIZED, false},
	[SAN_TAIL_OVERWRITTEN] = {"allocation-tail-overwritten",
		"Allocation-tail-overwritten", CAUSE, true, PLAIN, false},
	[SAN_UNKNOWN_CRASH] = {"unknown-crash", "Unknown-crash", CAUSE, true, SIZED,
		false},
	[SAN_OTHER_ERROR] = {"other-error", "Sanitizer-error", CAUSE, true, SIZED, false},
	[SAN_UNINITIALIZED] = {"use-of-uninitialized-value", "Use-of-uninitialized-value",
		CAUSE, true, PLAIN, false},
	[SAN_HEAP_CORRUPTION] = {"heap-corruption", "Heap-corruption", CAUSE, true, PLAIN,
		false},
	[SAN_STACK_SMASHING] = {"stack-smashing", "Stack-smashing", CAUSE, true, PLAIN,
		false},
	[SAN_FORTIFY] = {"fortify-failure", "Fortify-failure", CAUSE, true, PLAIN, false},

	[SAN_SEGV] = {"segv", "UNKNOWN", SIGNAL, true, ACCESS, false},
	[SAN_NULL_DEREFERENCE] = {"null-dereference", "Null-dereference", SIGNAL, false,
		ACCESS, false},
	[SAN_BUS] = {"bus", "Bus", SIGNAL, false, PLAIN, false},
	[SAN_FPE] = {"fpe", "Floating-point-exception", SIGNAL, false, PLAIN, false},
	[SAN_ILL] = {"ill", "Ill", SIGNAL, false, PLAIN, false},
	[SAN_TRAP] = {"trap", "Trap", SIGNAL, false, PLAIN, false},
	[SAN_ABRT] = {"abrt", "Abrt", END, false, PLAIN, false},
	[SAN_STACK_OVERFLOW] = {"stack-overflow", "Stack-overflow", CAUSE, false, PLAIN,
		false},
	[SAN_DEADLY_SIGNAL] = {"deadly-signal", "Fatal-signal", END, false, PLAIN, false},

	[SAN_DATA_RACE] = {"data-race", "Data race", CAUSE, false, PLAIN, false},
	[SAN_LOCK_ORDER] = {"lock-order-inversion", "Lock-order-inversion", CAUSE, false,
		PLAIN, false},
	[SAN_THREAD_LEAK] = {"thread-leak", "Thread leak", CAUSE, false, PLAIN, false},
	[SAN_MUTEX_MISUSE] = {"mutex-misuse", "Mutex-misuse", CAUSE, false, PLAIN, false},
	[SAN_SIGNAL_UNSAFE] = {"signal-unsafe-call", "Signal-unsafe-call", CAUSE, false,
		PLAIN, false},

	[SAN_DIRECT_LEAK] = {"direct-leak", "Direct-leak", CAUSE, false, PLAIN, FIRST},
	[SAN_INDIRECT_LEAK] = {"indirect-leak", "Indirect-leak", CAUSE, false, PLAIN,
		FIRST},

	[SAN_INTEGER_OVERFLOW] = {"integer-overflow", "Integer-overflow", CAUSE, false,
		PLAIN, FIRST},
	[SAN_UNSIGNED_OVERFLOW] = {"unsigned-integer-overflow",
		"Unsigned-integer-overflow", CAUSE, false, PLAIN, FIRST},
	[SAN_UNDEFINED_SHIFT] = {"undefined-shift", "Undefined-shift", CAUSE, false,
		PLAIN, FIRST},
	[SAN_DIVIDE_BY_ZERO] = {"divide-by-zero", "Divide-by-zero", CAUSE, false, PLAIN,
		FIRST},
	[SAN_INDEX_OUT_OF_BOUNDS] = {"index-out-of-bounds", "Index-out-of-bounds", CAUSE,
		true, PLAIN, FIRST},
	[SAN_MISALIGNED] = {"misaligned-address", "Misaligned-address", CAUSE, false,
		PLAIN, FIRST},
	[SAN_OBJECT_SIZE] = {"object-size", "Object-size", CAUSE, true, PLAIN, FIRST},
	[SAN_BAD_CAST] = {"bad-cast", "Bad-cast", CAUSE, true, PLAIN, FIRST},
	[SAN_IMPLICIT_CONVERSION] = {"implicit-conversion", "Implicit-conversion", CAUSE,
		false, PLAIN, FIRST},
	[SAN_POINTER_OVERFLOW] = {"pointer-overflow", "Pointer-overflow", CAUSE, false,
		PLAIN, FIRST},
	[SAN_INVALID_BOOL] = {"invalid-bool-value", "Invalid-bool-value", CAUSE, false,
		PLAIN, FIRST},
	[SAN_INVALID_ENUM] = {"invalid-enum-value", "Invalid-enum-value", CAUSE, false,
		PLAIN, FIRST},
	[SAN_NO_RETURN] = {"no-return-value", "No-return-value", CAUSE, false, PLAIN,
		FIRST},
	[SAN_INVALID_NULL_ARGUMENT] = {"invalid-null-argument", "Invalid-null-argument",
		CAUSE, false, PLAIN, FIRST},
	[SAN_INVALID_NULL_RETURN] = {"invalid-null-return", "Invalid-null-return", CAUSE,
		false, PLAIN, FIRST},
	[SAN_INVALID_BUILTIN] = {"invalid-builtin-use", "Invalid-builtin-use", CAUSE,
		false, PLAIN, FIRST},
	[SAN_VLA_BOUND] = {"non-positive-vla-bound-value", "Non-positive-vla-bound-value",
		CAUSE, true, PLAIN, FIRST},
	[SAN_FLOAT_CAST] = {"float-cast-overflow", "Float-cast-overflow", CAUSE, false,
		PLAIN, FIRST},
	[SAN_FUNCTION_TYPE] = {"incorrect-function-pointer-type",
		"Incorrect-function-pointer-type", CAUSE, true, PLAIN, FIRST},
	[SAN_ASSUMPTION] = {"assumption-violation", "Assumption-violation", CAUSE, false,
		PLAIN, FIRST},
	[SAN_UNREACHABLE] = {"unreachable", "Unreachable code", CAUSE, false, PLAIN,
		FIRST},
	[SAN_OTHER_UNDEFINED] = {"undefined-behavior", "Undefined-behavior", CAUSE, false,
		PLAIN, FIRST},

	[SAN_TIMEOUT] = {"timeout", "Timeout", CAUSE, false, PLAIN, false},
	[SAN_OUT_OF_MEMORY] = {"out-of-memory", "Out-of-memory", CAUSE, false, PLAIN,
		false},
	[SAN_CALLOC_OVERFLOW] = {"calloc-overflow", "Out-of-memory", CAUSE, false, PLAIN,
		false},
	[SAN_ALLOCATION_TOO_BIG] = {"allocation-size-too-big", "Out-of-memory", CAUSE,
		false, PLAIN, false},
	[SAN_UNEXPECTED_EXIT] = {"unexpected-exit", "Unexpected-exit", END, false, PLAIN,
		false},
	[SAN_OVERWRITES_INPUT] = {"overwrites-const-input", "Overwrites-const-input",
		CAUSE, false, PLAIN, false},

	[SAN_ASSERT] = {"assert", "ASSERT", CAUSE, true, PLAIN, false},
	[SAN_CHECK] = {"check", "CHECK failure", CAUSE, false, PLAIN, false},
	[SAN_DCHECK] = {"dcheck", "DCHECK failure", CAUSE, false, PLAIN, false},
	[SAN_SECURITY_CHECK] = {"security-check", "Security CHECK failure", CAUSE, true,
		PLAIN, false},
	[SAN_SECURITY_DCHECK] = {"security-dcheck", "Security DCHECK failure", CAUSE,
		true, PLAIN, false},
	[SAN_FATAL_ERROR] = {"fatal-error", "Fatal error", CAUSE, false, PLAIN, false},
	[SAN_FATAL_EXIT] = {"fatal-exit", "Fatal error", END, false, PLAIN, false},
	[SAN_UNCAUGHT_EXCEPTION] = {"uncaught-exception", "Uncaught exception", CAUSE,
		false, PLAIN, false},

	[SAN_GO_INDEX] = {"go-index", "Index out of range", CAUSE, false, PLAIN, false},
	[SAN_GO_SLICE] = {"go-slice", "Slice bounds out of range", CAUSE, false, PLAIN,
		false},
	[SAN_GO_DIVIDE] = {"go-divide", "Integer divide by zero", CAUSE, false, PLAIN,
		false},
	[SAN_GO_NIL] = {"go-nil", "Invalid memory address", CAUSE, true, PLAIN, false},
	[SAN_GO_MAKESLICE] = {"go-makeslice", "Makeslice: len out of range", CAUSE, false,
		PLAIN, false},
	[SAN_GO_STACK] = {"go-stack-overflow", "Stack overflow", CAUSE, false, PLAIN,
		false},

	[SAN_COMMAND_INJECTION] = {"command-injection", "Command injection", CAUSE, true,
		PLAIN, false},
	[SAN_FILE_OPEN] = {"arbitrary-file-open", "Arbitrary file open", CAUSE, true,
		PLAIN, false},
	[SAN_DNS] = {"arbitrary-dns-resolution", "Arbitrary DNS resolution", CAUSE, true,
		PLAIN, false},
	[SAN_RUNTIME_CHECK] = {"sanitizer-check", "Sanitizer CHECK failure", SIGNAL,
		false, PLAIN, false},
	[SAN_BARE_STACK] = {"stack", "", NONE, false, PLAIN, false},
	[SAN_MISSING_LIBRARY] = {"missing-library", "Missing-library", CAUSE, false,
		PLAIN, false},
};

/* Words of sanitizers that are not the kind's own name. */
static const struct {
	const char *word;
	enum san_kind kind;
} aliases[] = {
	{"attempting-double-free", SAN_DOUBLE_FREE},
	{"wild-free", SAN_INVALID_FREE},
	{"invalid-free", SAN_INVALID_FREE},
	{"heap-buffer-underflow", SAN_HEAP_BUFFER_OVERFLOW},
	{"wild-addr", SAN_UNKNOWN_CRASH},
	{"access-violation", SAN_SEGV},
	{"reallocarray-overflow", SAN_BAD_PARAM},
	{"pvalloc-overflow", SAN_BAD_PARAM},
	{"bad-malloc_usable_size", SAN_BAD_PARAM},
	{"data", SAN_DATA_RACE},
};

const struct san_kind_row *san_kind_row(enum san_kind kind)
{
	return &kinds[kind];
}

bool san_kind_is_limit(enum san_kind kind)
{
	return kind == SAN_TIMEOUT || kind == SAN_OUT_OF_MEMORY ||
		kind == SAN_CALLOC_OVERFLOW || kind == SAN_ALLOCATION_TOO_BIG;
}

const char *san_kind_name(enum san_kind kind)
{
	return kinds[kind].name;
}

enum san_kind san_kind_find(struct san_view word)
{
	for (size_t i = 0; i < IW_COUNT(aliases); i++)
		if (san_view_equal(word, aliases[i].word))
			return aliases[i].kind;
	for (int i = SAN_NOTHING + 1; i < SAN_KINDS; i++)
		if (san_view_equal(word, kinds[i].name))
			return (enum san_kind)i;
	return SAN_NOTHING;
}

char *san_kind_crash_type(
	struct iw_arena *arena, const struct san_report *r, struct san_view word)
{
	const struct san_kind_row *row = &kinds[r->kind];
	const char *name = row->crash_type;
	const char *access = r->access == SAN_ACCESS_READ ? "READ" : "WRITE";

	/* A word of its own, such as "strcpy-param-overlap", is more exact. */
	if (word.n) {
		char *own = san_view_dup(arena, word, 64);

		own[0] = (char)toupper((unsigned char)own[0]);
		name = own;
	}
	if (row->type == SAN_TYPE_PLAIN || r->access == SAN_ACCESS_NONE)
		return iw_arena_strdup(arena, name);
	if (row->type == SAN_TYPE_ACCESS)
		return iw_arena_fmt(arena, "%s %s", name, access);
	/* Large sizes come from the input and would split one bug into many. */
	if (r->size > 16)
		return iw_arena_fmt(arena, "%s\n%s {*}", name, access);
	return iw_arena_fmt(
		arena, "%s\n%s %llu", name, access, (unsigned long long)r->size);
}
