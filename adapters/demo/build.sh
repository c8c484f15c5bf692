#!/bin/bash
# Builds every target of the tree in $SRC into $OUT, as a fuzzing service asks for it.
set -eu

cd "$SRC"
make --silent --jobs="${JOBS:-1}" fuzz OUT="$OUT"

for folder in seeds/*/; do
	target=$(basename "$folder")
	[ -x "$OUT/fuzz_$target" ] || continue
	mkdir -p "$OUT/fuzz_${target}_seed_corpus"
	cp "$folder"/* "$OUT/fuzz_${target}_seed_corpus/"
done

for words in fuzz/*.dict; do
	[ -f "$words" ] || continue
	cp "$words" "$OUT/fuzz_$(basename "$words")"
done
