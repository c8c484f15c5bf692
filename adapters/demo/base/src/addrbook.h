#ifndef ADDRBOOK_H
#define ADDRBOOK_H

#include "cursor.h"

enum {
	BOOK_ENTRIES_MAX = 32,

	/* Slots are the short list that the node dials from. */
	BOOK_SLOTS = 4,

	BOOK_STRIKES_MAX = 4,
};

/* A journal of the address book: one byte says what happened, its operands follow. */
enum book_event {
	BOOK_ADD = @event_add@,
	BOOK_REMOVE = @event_remove@,

	BOOK_STRIKE = @event_strike@,
	BOOK_EXPIRE = @event_expire@,

	BOOK_DIAL = @event_dial@,
	BOOK_RECENT = @event_recent@,
};

struct book_entry {
	struct book_entry *next;
	uint32_t host;
	unsigned int port;
	unsigned int group;
	unsigned int strikes;
	unsigned int dials;
};

struct book_state {
	struct book_entry *entries;
	size_t count;

	/* The entry that was added last, for answers to "who is new here". */
	struct book_entry *recent;

	uint32_t slots[BOOK_SLOTS];
	unsigned int dialled;

	uint64_t ports;
};

void book_init(struct book_state *book);
void book_fini(struct book_state *book);

/* Replays a journal; stops at the first event that makes no sense. */
bool book_replay(struct book_state *book, struct cur_reader *in);

#endif
