#!/bin/bash
# Builds four of upstream's fuzz targets with upstream's own tests/fuzz/Makefile.
#
# In: SRC, OUT, CC, CXX, CFLAGS, CXXFLAGS, LIB_FUZZING_ENGINE, FLAVOUR, JOBS.
# Out, in $OUT: one binary per target, <binary>.dict, <binary>_seed_corpus/.
set -euo pipefail

targets=(simple_decompress stream_decompress simple_round_trip dictionary_round_trip)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
: "${SRC:?}" "${OUT:?}" "${CC:?}" "${CXX:?}" "${LIB_FUZZING_ENGINE:?}" "${FLAVOUR:?}"
: "${CFLAGS:=}" "${CXXFLAGS:=}" "${JOBS:=$(nproc)}"

build_targets() {
	local cppflags='' flags='' make_args=()

	# What upstream's tests/fuzz/fuzz.py passes: assertions on, and units whose parameters come
	# from the fuzzer's bytes. Memory access 0 (memcpy) is the only one without undefined
	# behaviour on unaligned data.
	cppflags='-DDEBUGLEVEL=1 -DMEM_FORCE_MEMORY_ACCESS=0 -DFUZZ_RNG_SEED_SIZE=4'
	case $FLAVOUR in
	*ubsan*)
		# fuzz.py switches this check off too, unless asked for it: the match finders
		# keep indices relative to a base pointer that lies before the buffer.
		flags='-fno-sanitize=pointer-overflow' ;;
	esac
	# The makefile is made for many compilers; its warnings are for upstream's developers.
	# The mapped prefix makes binaries, reports and ccache's keys the same in any directory.
	flags+=" -w -ffile-prefix-map=$SRC=."

	make_args=(CC="$CC" CXX="$CXX" CPPFLAGS="$cppflags"
		CFLAGS="$CFLAGS $flags" CXXFLAGS="$CXXFLAGS $flags"
		LIB_FUZZING_ENGINE="$LIB_FUZZING_ENGINE")
	if asserts_only_in_decompress; then
		# Upstream compiles everything twice, the second time with a macro that only the
		# decompressor reads. Sharing the other objects halves the build.
		# shellcheck disable=SC2016  # the variables are make's
		make_args+=('FUZZ_ROUND_TRIP_OBJ=$(filter-out d_lib_decompress_%,$(FUZZ_DECOMPRESS_OBJ)) $(patsubst %.S,%.o,$(filter rt_lib_decompress_%,$(FUZZ_RT_OBJ9)))')
	fi
	make -C "$SRC/tests/fuzz" -j"$JOBS" "${make_args[@]}" "${targets[@]}"
}

# True only if grep could read everything and found nothing.
asserts_only_in_decompress() {
	local rc=0

	grep -rq 'FUZZING_ASSERT_VALID_SEQUENCE' "$SRC/lib/common" "$SRC/lib/compress" \
		"$SRC/lib/dictBuilder" "$SRC/lib/legacy" "$SRC/programs/util.c" \
		"$SRC/contrib/externalSequenceProducer" "$SRC"/tests/fuzz/*.[ch] || rc=$?
	[[ $rc == 1 ]]
}

# The generator of the seeds takes its objects from the targets; only its own file is compiled.
build_seed_generator() {
	local fuzz=$SRC/tests/fuzz objects=() c='' o=''

	cd "$fuzz"
	for o in d_lib_*.o d_prg_util.o; do
		# decodecorpus.c includes this one as source.
		[[ $o == d_lib_compress_zstd_compress.o ]] || objects+=("$o")
	done
	# CC and CXX may be several words.
	# shellcheck disable=SC2086
	for c in ../decodecorpus.c ../../programs/timefn.c; do
		$CC -O1 -w -DZSTD_MULTITHREAD -DMEM_FORCE_MEMORY_ACCESS=0 -Dmain=decodecorpus_main \
			-I../../lib -I../../lib/common -I../../lib/compress -I../../lib/dictBuilder \
			-I../../programs -c "$c" -o "seedgen_$(basename "$c" .c).o" &
	done
	wait_all
	# shellcheck disable=SC2086
	$CC -O1 -w -c "$here/seedgen.c" -o seedgen.o
	# shellcheck disable=SC2086
	$CXX $CXXFLAGS -pthread seedgen.o seedgen_*.o "${objects[@]}" $LIB_FUZZING_ENGINE -lm -o seedgen
	cd "$SRC"
}

wait_all() {
	local job
	for job in $(jobs -p); do
		wait "$job"
	done
}

main() {
	build_targets
	local t
	for t in "${targets[@]}"; do
		install -m 755 "$SRC/tests/fuzz/$t" "$OUT/$t"
	done
	build_seed_generator
	/usr/bin/python3 "$here/seeds.py" "$SRC" "$OUT" "$SRC/tests/fuzz/seedgen"
}

main
