"""Real code with pull requests of ours staged on top: two of them break it, four do no harm.

The faults are of the kinds that were found in these projects: a length that is trusted, a buffer
that is too small, a value that is used after it was let go. Harmless changes touch the same files,
and are not told apart by their size. Each change is a branch from the project's own source, merged
into `staging` as a promotion.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Change:
    pr: int
    title: str
    file: str
    old: str            # must be there once
    new: str
    is_faulty: bool = False


@dataclass(frozen=True)
class Project:
    package: str                    # the distribution's source package
    targets: list[dict]
    changes: list[Change]
    #: Each fault's first frames, one of which its reports must have.
    frames: dict[int, set[str]] = field(default_factory=dict)


ZSTD = Project(
    package="libzstd",
    targets=[{"name": name, "max_len": 16384, "timeout_s": 10, "network": True}
             for name in ("simple_decompress", "stream_decompress")],
    changes=[
        Change(11, "hist: count with an index", "lib/compress/hist.c",
               "    while (ip<end) {\n        assert(*ip <= maxSymbolValue);\n"
               "        count[*ip++]++;\n    }\n",
               "    {   size_t i;\n        for (i = 0; i < srcSize; i++) {\n"
               "            assert(ip[i] <= maxSymbolValue);\n"
               "            count[ip[i]]++;\n        }\n        ip = end;\n    }\n"),
        Change(14, "decompress: name the longest literals length once",
               "lib/decompress/zstd_decompress_block.c",
               "                RETURN_ERROR_IF(litSize > 0 && dst == NULL, dstSize_tooSmall, "
               "\"NULL not handled\");\n"
               "                RETURN_ERROR_IF(litSize > ZSTD_BLOCKSIZE_MAX, "
               "corruption_detected, \"\");\n"
               "                RETURN_ERROR_IF(expectedWriteSize < litSize, dstSize_tooSmall, "
               "\"\");\n"
               "                ZSTD_allocateLiteralsBuffer(dctx, dst, dstCapacity, litSize, "
               "streaming, expectedWriteSize, 1);\n"
               "                if (dctx->litBufferLocation == ZSTD_split)\n"
               "                {\n                    ZSTD_memset",
               "                size_t const litSizeMax = MIN((size_t)ZSTD_BLOCKSIZE_MAX, "
               "expectedWriteSize);\n"
               "                RETURN_ERROR_IF(litSize > 0 && dst == NULL, dstSize_tooSmall, "
               "\"NULL not handled\");\n"
               "                RETURN_ERROR_IF(litSize > litSizeMax, corruption_detected, "
               "\"\");\n"
               "                ZSTD_allocateLiteralsBuffer(dctx, dst, dstCapacity, litSize, "
               "streaming, expectedWriteSize, 1);\n"
               "                if (dctx->litBufferLocation == ZSTD_split)\n"
               "                {\n                    ZSTD_memset"),
        Change(17, "decompress: raw literals without a second look at their length",
               "lib/decompress/zstd_decompress_block.c",
               "                    RETURN_ERROR_IF(litSize+lhSize > srcSize, "
               "corruption_detected, \"\");\n"
               "                    if (dctx->litBufferLocation == ZSTD_split)\n",
               "                    if (dctx->litBufferLocation == ZSTD_split)\n",
               is_faulty=True),
        Change(18, "decompress: say which block is being copied",
               "lib/decompress/zstd_decompress.c",
               "    DEBUGLOG(5, \"ZSTD_copyRawBlock\");\n",
               "    DEBUGLOG(5, \"ZSTD_copyRawBlock of %u bytes\", (unsigned)srcSize);\n"),
        Change(23, "decompress: RLE blocks fill with what the frame says",
               "lib/decompress/zstd_decompress.c",
               "    RETURN_ERROR_IF(regenSize > dstCapacity, dstSize_tooSmall, \"\");\n",
               "    if (dstCapacity == 0) RETURN_ERROR(dstSize_tooSmall, \"\");\n",
               is_faulty=True),
        Change(29, "frame header: sizes of the fields in a sum of their own",
               "lib/decompress/zstd_decompress.c",
               "        return minInputSize + !singleSegment\n"
               "             + ZSTD_did_fieldSize[dictID] + ZSTD_fcs_fieldSize[fcsId]\n"
               "             + (singleSegment && !fcsId);\n",
               "        size_t const fields = ZSTD_did_fieldSize[dictID] "
               "+ ZSTD_fcs_fieldSize[fcsId];\n"
               "        return minInputSize + !singleSegment + fields\n"
               "             + (singleSegment && !fcsId);\n"),
    ],
    frames={17: {"ZSTD_decodeLiteralsBlock"}, 23: {"ZSTD_setRleBlock"}},
)

JANSSON = Project(
    package="jansson",
    targets=[{"name": "json_load_dump_fuzzer", "max_len": 1024, "timeout_s": 5, "network": True}],
    changes=[
        Change(5, "utf: a table for two-byte sequences", "src/utf.c",
               "    } else if (u == 0xC0 || u == 0xC1) {\n",
               "    } else if ((u & 0xFE) == 0xC0) {\n"),
        Change(6, "load: escapes need less room than they take in the text", "src/load.c",
               "    t = jsonp_malloc(lex->saved_text.length + 1);\n",
               "    {\n"
               "        const char *escape = strbuffer_value(&lex->saved_text);\n"
               "        size_t saved = 0;\n\n"
               "        while ((escape = strstr(escape, \"\\\\u\"))) {\n"
               "            saved += 4; /* \\uXXXX becomes a character of two bytes */\n"
               "            escape += 2;\n"
               "        }\n"
               "        t = jsonp_malloc(lex->saved_text.length + 1 - saved);\n"
               "    }\n", is_faulty=True),
        Change(9, "strbuffer: grow in one place", "src/strbuffer.c",
               "        memcpy(new_value, strbuff->value, strbuff->length);\n",
               "        if (strbuff->length > 0)\n"
               "            memcpy(new_value, strbuff->value, strbuff->length);\n"),
        Change(12, "hashtable: a value of another kind goes to the end", "src/hashtable.c",
               "        json_decref(pair->value);\n        pair->value = value;\n",
               "        json_decref(pair->value);\n"
               "        if (json_typeof(pair->value) != json_typeof(value)) {\n"
               "            list_remove(&pair->ordered_list);\n"
               "            list_insert(&hashtable->ordered_list, &pair->ordered_list);\n"
               "        }\n"
               "        pair->value = value;\n", is_faulty=True),
        Change(13, "dump: indent by a shorter name", "src/dump.c",
               "        unsigned int ws_count = FLAGS_TO_INDENT(flags), "
               "n_spaces = depth * ws_count;\n",
               "        unsigned int n_spaces = depth * FLAGS_TO_INDENT(flags);\n"),
        Change(20, "load: numbers begin with one test", "src/load.c",
               "    lex->token = TOKEN_INVALID;\n\n    if (c == '-')\n",
               "    lex->token = TOKEN_INVALID;\n    saved_text = NULL;\n\n    if (c == '-')\n"),
    ],
    frames={6: {"lex_scan_string", "utf8_encode"}, 12: {"hashtable_set"}},
)


def git(repo: Path, *words: str) -> None:
    subprocess.run(
        ["git", "-C", repo, "-c", "user.name=Stager", "-c", "user.email=stager@example.org",
         "-c", "commit.gpgsign=false", *words], check=True, capture_output=True, timeout=120)


def stage(repo: Path, project: Project) -> None:
    """main is the distribution's source; staging has every change merged."""
    git(repo, "branch", "staging")
    for change in project.changes:
        git(repo, "checkout", "-q", "-b", f"pr-{change.pr}", "main")
        path = repo / change.file
        text = path.read_text()
        assert text.count(change.old) == 1, f"PR {change.pr} does not fit this version"
        path.write_text(text.replace(change.old, change.new))
        git(repo, "commit", "-q", "-a", "-m", change.title)
        git(repo, "checkout", "-q", "staging")
        git(repo, "merge", "-q", "--no-ff", "-m",
            f"Promote PR #{change.pr} to staging: {change.title}\n\n"
            f"PR: https://example.org/{project.package}/pull/{change.pr}\n"
            f"Head-Ref: pr-{change.pr}\n", f"pr-{change.pr}")
