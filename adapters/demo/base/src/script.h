#ifndef SCRIPT_H
#define SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum vm_op {
	VM_OP_PUSH = @op_push@,
	VM_OP_ADD = @op_add@,
	VM_OP_SUB = @op_sub@,

	VM_OP_DUP = @op_dup@,
	VM_OP_DROP = @op_drop@,

	VM_OP_EQUAL = @op_equal@,
	VM_OP_VERIFY = @op_verify@,

	VM_OP_JUMP = @op_jump@,
	VM_OP_CALL = @op_call@,
	VM_OP_RETURN = @op_return@,

	VM_OP_DIGEST = @op_digest@,

	VM_OP_END = @op_end@,
};

enum {
	VM_STACK_MAX = 32,
	VM_CALLS_MAX = 8,

	VM_STEPS_MAX = 400,
};

/* A script under way. Numbers wrap around, as they do on every node. */
struct vm_state {
	const uint8_t *code;
	size_t len;
	size_t pc;
	unsigned int steps;

	uint64_t stack[VM_STACK_MAX];
	size_t depth;

	size_t calls[VM_CALLS_MAX];
	size_t call_depth;

	bool ended;
};

void vm_start(struct vm_state *vm, const uint8_t *code, size_t len);

/* True when the script ends well and leaves a number other than zero. */
bool vm_run(struct vm_state *vm);

#endif
