#!/usr/bin/python3
"""seeds.py SRC OUT DECODECORPUS: writes the seed corpora and dictionaries of all targets.

Upstream's own corpora lie on the network. What the source tree has is decodecorpus, which
generates valid frames that no compressor would write, and a few golden files of past bugs.

A unit is the data followed by parameters. The target takes its parameters from the end of the
unit, least significant byte first, and the first of them says how many bytes the parameters
have (tests/fuzz/fuzz_data_producer.c); so the data must be wrapped to reach zstd unharmed.
"""

import random
import subprocess
import sys
import tempfile
from pathlib import Path

FRAMES = 80
MAX_CONTENT_LOG = 12
MAX_UNIT = 16384


def length_bytes(limit):
    """How many bytes the target reads for a number between 0 and limit."""
    return (limit.bit_length() + 7) // 8


def number(value, limit):
    return value.to_bytes(length_bytes(limit), "little")


def unit(data, params=b""):
    """Wraps data and parameters so that the target splits them exactly so."""
    size = len(data) + len(params)
    n = 1
    while length_bytes(size + n) != n:
        n += 1
    return data + params + len(params).to_bytes(n, "little")


def decompress_units(frames):
    """Yields (simple, stream) units of one frame each."""
    for frame in frames:
        # simple_decompress reads one parameter, the room for the output.
        limit = 10 * len(frame)
        # stream_decompress reads 0..10, where 5 means that the output buffer stays where it is.
        yield unit(frame, number(limit, limit)), unit(frame, number(5, 10))
        yield unit(frame, number(limit // 3, limit)), unit(frame)


def round_trip_units(rng, contents):
    for i, content in enumerate(contents):
        # Half with default parameters, half with parameters that nobody chose.
        yield unit(content) if i % 2 else unit(content, rng.randbytes(48))


def generate(decodecorpus, work):
    frames, contents = work / "frames", work / "contents"
    frames.mkdir()
    contents.mkdir()
    subprocess.run([decodecorpus, "-s2140", f"-n{FRAMES}", f"-p{frames}", f"-o{contents}",
                    f"--max-content-size-log={MAX_CONTENT_LOG}"],
                   check=True, stdout=subprocess.DEVNULL, timeout=120)
    return read_all(frames), read_all(contents)


def read_all(folder):
    return [p.read_bytes() for p in sorted(folder.iterdir()) if p.is_file()]


def write_corpus(folder, units):
    folder.mkdir(parents=True, exist_ok=True)
    for i, data in enumerate(units):
        if 0 < len(data) <= MAX_UNIT:
            (folder / f"{i:03d}").write_bytes(data)


# What a mutator hardly finds alone: the magic numbers, also of the formats before 1.0.
DICTIONARY = {
    "frame": 0xFD2FB528, "skippable": 0x184D2A50, "dictionary": 0xEC30A437,
    "v01": 0x1EB52FFD, "v02": 0xFD2FB522, "v03": 0xFD2FB523, "v04": 0xFD2FB524,
    "v05": 0xFD2FB525, "v06": 0xFD2FB526, "v07": 0xFD2FB527,
}


def dictionary_text():
    lines = []
    for name, magic in DICTIONARY.items():
        raw = magic.to_bytes(4, "big" if name == "v01" else "little")
        lines.append(f'{name}="' + "".join(f"\\x{b:02X}" for b in raw) + '"\n')
    return "".join(lines)


def main():
    src, out, decodecorpus = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    rng = random.Random(2140)
    with tempfile.TemporaryDirectory() as tmp:
        frames, contents = generate(decodecorpus, Path(tmp))
    tests = src / "tests"
    frames += read_all(tests / "golden-decompression")
    golden = [data[:MAX_UNIT // 2] for data in read_all(tests / "golden-compression")]
    text = (src / "README.md").read_bytes()
    contents += golden + [text[:4096], bytes(1000), rng.randbytes(2000), b"a", b"abc" * 700]

    simple, stream = zip(*decompress_units(frames))
    write_corpus(out / "simple_decompress_seed_corpus", simple)
    write_corpus(out / "stream_decompress_seed_corpus", stream)
    for name in ("simple_round_trip", "dictionary_round_trip"):
        write_corpus(out / f"{name}_seed_corpus", round_trip_units(rng, contents))
    for name in ("simple_decompress", "stream_decompress"):
        (out / f"{name}.dict").write_text(dictionary_text(), encoding="ascii")


if __name__ == "__main__":
    main()
