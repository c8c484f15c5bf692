"""Programs that tests of the command line on plain files build for themselves."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

CLANG = shutil.which("clang-19") or shutil.which("clang")

#: Fails only behind another unit in the same process.
STATEFUL = r"""
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int seen;

	seen += size > 0 && data[0] == 's';
	if (seen && size > 0 && data[0] == 'z')
		abort();
	return 0;
}
"""


def build_stateful(home: Path) -> Path:
    (home / "state.c").write_text(STATEFUL)
    subprocess.run([CLANG, "-fsanitize=fuzzer", home / "state.c", "-o", home / "state"],
                   check=True)
    return home / "state"


def build_fuzz_and_tool(home: Path, target: str, main: str) -> None:
    """The same code twice under ASan: a libFuzzer target, and a tool that reads a file."""
    (home / "target.c").write_text(target)
    (home / "main.c").write_text(main)
    jobs = [subprocess.Popen([CLANG, "-O1", "-gline-tables-only", f"-fsanitize={sanitizers}",
                              *(home / f for f in files), "-o", home / name])
            for name, sanitizers, files in (("fuzz", "fuzzer,address", ["target.c"]),
                                            ("tool", "address", ["target.c", "main.c"]))]
    assert [job.wait(120) for job in jobs] == [0, 0]
