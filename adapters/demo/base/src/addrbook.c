#include "addrbook.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void book_init(struct book_state *book)
{
	memset(book, 0, sizeof(*book));
}

void book_fini(struct book_state *book)
{
	while (book->entries) {
		struct book_entry *entry = book->entries;

		book->entries = entry->next;
		free(entry);
	}
}

static struct book_entry *book_find(struct book_state *book, uint32_t host)
{
	struct book_entry *entry = book->entries;

	while (entry && entry->host != host)
		entry = entry->next;
	return entry;
}

static uint32_t *book_slot(struct book_state *book, size_t index)
{
	assert(index < BOOK_SLOTS);
	return &book->slots[index];
}

static bool book_add(struct book_state *book, struct cur_reader *in)
{
	uint32_t host = cur_u32(in);
	unsigned int port = cur_u16(in);
	unsigned int group = cur_u8(in);
	struct book_entry *entry;

	if (in->failed || book->count == BOOK_ENTRIES_MAX || book_find(book, host))
		return false;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return false;
	entry->host = host;
	entry->port = port;
	entry->group = group;
	entry->next = book->entries;
	book->entries = entry;
	book->recent = entry;
	*book_slot(book, book->count % BOOK_SLOTS) = host;
	book->count++;
	return true;
}

static bool book_remove(struct book_state *book, struct cur_reader *in)
{
	uint32_t host = cur_u32(in);
	struct book_entry **link = &book->entries;

	while (*link && (*link)->host != host)
		link = &(*link)->next;
	if (*link) {
		struct book_entry *entry = *link;

		*link = entry->next;
		if (book->recent == entry)
			book->recent = NULL;
		free(entry);
		book->count--;
	}
	return !in->failed;
}

static bool book_strike(struct book_state *book, struct cur_reader *in)
{
	struct book_entry *entry = book_find(book, cur_u32(in));

	if (entry)
		entry->strikes++;
	return !in->failed;
}

/* Strikes add up until the next expiry, so that they can still be seen. */
static bool book_expire(struct book_state *book)
{
	struct book_entry **link = &book->entries;

	while (*link) {
		struct book_entry *entry = *link;

		if (entry->strikes < BOOK_STRIKES_MAX) {
			link = &entry->next;
			continue;
		}
		*link = entry->next;
		free(entry);
		book->count--;
	}
	return true;
}

static bool book_dial(struct book_state *book, struct cur_reader *in)
{
	unsigned int index = cur_u8(in);
	struct book_entry *entry;

	if (in->failed || index >= BOOK_SLOTS)
		return false;
	entry = book_find(book, *book_slot(book, index));
	if (entry && entry->strikes == 0) {
		entry->dials++;
		book->dialled++;
	}
	return true;
}

static bool book_show_recent(struct book_state *book)
{
	if (!book->recent)
		return false;
	book->ports += book->recent->port;
	return true;
}

static bool book_apply(struct book_state *book, unsigned int event, struct cur_reader *in)
{
	switch (event) {
	case BOOK_ADD:
		return book_add(book, in);
	case BOOK_REMOVE:
		return book_remove(book, in);
	case BOOK_STRIKE:
		return book_strike(book, in);
	case BOOK_EXPIRE:
		return book_expire(book);
	case BOOK_DIAL:
		return book_dial(book, in);
	case BOOK_RECENT:
		return book_show_recent(book);
	default:
		return false;
	}
}

bool book_replay(struct book_state *book, struct cur_reader *in)
{
	while (cur_left(in) > 0) {
		if (!book_apply(book, cur_u8(in), in))
			return false;
	}
	return !in->failed;
}
