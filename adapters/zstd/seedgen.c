/*
 * Turns upstream's decodecorpus, a generator of valid and unusual frames, into a program
 * that links against the fuzz targets' instrumented objects. Those need the runtime of
 * the engine, and the runtime brings its own main(); so the generator runs before the
 * engine does anything.
 */
#include <stdlib.h>

int decodecorpus_main(int argc, char **argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	exit(decodecorpus_main(*argc, *argv));
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	(void)data;
	(void)size;
	return 0;
}
