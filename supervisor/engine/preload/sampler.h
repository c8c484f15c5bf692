/* Stacks of a living process, when somebody asked for them: engine/driver_format.h. */
#ifndef IW_PRELOAD_SAMPLER_H
#define IW_PRELOAD_SAMPLER_H

/* Stands in for the target's main, and calls it. */
int sampler_main(
	int (*target_main)(int, char **, char **), int argc, char **argv, char **envp);

#endif
