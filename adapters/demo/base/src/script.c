#include "script.h"

#include <string.h>

#include "digest.h"

void vm_start(struct vm_state *vm, const uint8_t *code, size_t len)
{
	memset(vm, 0, sizeof(*vm));
	vm->code = code;
	vm->len = len;
}

static bool vm_push(struct vm_state *vm, uint64_t number)
{
	if (vm->depth == VM_STACK_MAX)
		return false;
	vm->stack[vm->depth++] = number;
	return true;
}

static bool vm_pop(struct vm_state *vm, uint64_t *number)
{
	if (vm->depth == 0)
		return false;
	*number = vm->stack[--vm->depth];
	return true;
}

static bool vm_operand(struct vm_state *vm, uint8_t *byte)
{
	if (vm->pc == vm->len)
		return false;
	*byte = vm->code[vm->pc++];
	return true;
}

static bool vm_do_push(struct vm_state *vm)
{
	uint8_t byte;

	return vm_operand(vm, &byte) && vm_push(vm, byte);
}

static bool vm_do_sum(struct vm_state *vm, bool negative)
{
	uint64_t right;
	uint64_t left;

	if (!vm_pop(vm, &right) || !vm_pop(vm, &left))
		return false;
	return vm_push(vm, negative ? left - right : left + right);
}

static bool vm_do_dup(struct vm_state *vm)
{
	return vm->depth > 0 && vm_push(vm, vm->stack[vm->depth - 1]);
}

static bool vm_do_equal(struct vm_state *vm)
{
	uint64_t right;
	uint64_t left;

	if (!vm_pop(vm, &right) || !vm_pop(vm, &left))
		return false;
	return vm_push(vm, left == right);
}

static bool vm_do_verify(struct vm_state *vm)
{
	uint64_t number;

	return vm_pop(vm, &number) && number != 0;
}

/* Jumps and calls only go forward, so a script without calls ends by itself. */
static bool vm_do_jump(struct vm_state *vm)
{
	uint8_t skip;

	if (!vm_operand(vm, &skip) || skip > vm->len - vm->pc)
		return false;
	vm->pc += skip;
	return true;
}

static bool vm_do_call(struct vm_state *vm)
{
	uint8_t skip;

	if (!vm_operand(vm, &skip) || skip > vm->len - vm->pc)
		return false;
	if (vm->call_depth == VM_CALLS_MAX)
		return false;
	vm->calls[vm->call_depth++] = vm->pc;
	vm->pc += skip;
	return true;
}

static bool vm_do_return(struct vm_state *vm)
{
	if (vm->call_depth == 0)
		return false;
	vm->pc = vm->calls[--vm->call_depth];
	return true;
}

static bool vm_do_digest(struct vm_state *vm)
{
	struct sum_state sum;
	uint64_t number;

	if (!vm_pop(vm, &number))
		return false;
	sum_start(&sum);
	sum_number(&sum, number);
	return vm_push(vm, sum_short(&sum));
}

static bool vm_step(struct vm_state *vm)
{
	uint64_t dropped;

	switch (vm->code[vm->pc++]) {
	case VM_OP_PUSH:
		return vm_do_push(vm);
	case VM_OP_ADD:
		return vm_do_sum(vm, false);
	case VM_OP_SUB:
		return vm_do_sum(vm, true);
	case VM_OP_DUP:
		return vm_do_dup(vm);
	case VM_OP_DROP:
		return vm_pop(vm, &dropped);
	case VM_OP_EQUAL:
		return vm_do_equal(vm);
	case VM_OP_VERIFY:
		return vm_do_verify(vm);
	case VM_OP_JUMP:
		return vm_do_jump(vm);
	case VM_OP_CALL:
		return vm_do_call(vm);
	case VM_OP_RETURN:
		return vm_do_return(vm);
	case VM_OP_DIGEST:
		return vm_do_digest(vm);
	case VM_OP_END:
		vm->ended = true;
		return true;
	default:
		return false;
	}
}

bool vm_run(struct vm_state *vm)
{
	uint64_t result;

	while (!vm->ended && vm->pc < vm->len) {
		if (vm->steps++ == VM_STEPS_MAX || !vm_step(vm))
			return false;
	}
	return vm_pop(vm, &result) && result != 0;
}
