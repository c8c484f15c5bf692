/* The last words of a program that has none of its own: engine/driver_format.h. */
#ifndef IW_PRELOAD_WITNESS_H
#define IW_PRELOAD_WITNESS_H

/* Stands in for the program's main, and calls it. */
int witness_main(
	int (*program_main)(int, char **, char **), int argc, char **argv, char **envp);

#endif
