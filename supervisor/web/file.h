/* Files that are built into the program: the page and the description of the API. */
#ifndef IW_WEB_FILE_H
#define IW_WEB_FILE_H

#include <stddef.h>

struct web_file {
	const char *path; /* "/style.css" */
	const unsigned char *data;
	size_t len;
};

/* Ends with a path of NULL. */
extern const struct web_file web_files[];

#endif
