/*
 * The contract with ironworks-inbox.so, which AFL++ loads as a custom mutator: whole
 * files appear in the folder that the environment names, each is run once and removed.
 * What turns out to be new gets the file's name behind the mark in its own.
 */
#ifndef IW_ENGINE_INBOX_FORMAT_H
#define IW_ENGINE_INBOX_FORMAT_H

#define IW_INBOX_ENV "IRONWORKS_INBOX"
#define IW_INBOX_MARK "inbox:"
#define IW_INBOX_NAME_MAX 100

#endif
