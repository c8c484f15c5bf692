"""Whether a report was read completely: what was understood is held against the text once
more, by expressions that share nothing with the reader, and against what its program was
written to do."""

from __future__ import annotations

import re

# A frame as each tool prints it. What is none of the parts stays empty.
SANITIZER = re.compile(rb"^ *#(?P<index>\d+) (?:0x(?P<pc>[0-9a-f]+) +)?(?:in )?(?P<rest>.*)$")
VALGRIND = re.compile(rb"^==\d+== +(?:at|by) 0x(?P<pc>[0-9A-F]+): (?P<rest>.*)$")
GDB = re.compile(rb"^#\d+ +(?:0x(?P<pc>[0-9a-f]+) in )?(?P<function>.+?) \(.*\)"
                 rb"(?: at (?P<file>\S+):(?P<line>\d+)| from (?P<module>\S+))?$")
BUILD_ID = re.compile(rb" \(BuildId: \w+\)$")
MODULE = re.compile(rb"^(?P<rest>.*?) ?\((?P<module>[^()\s]+)\+0x(?P<offset>[0-9a-f]+)\)$")
PLACE = re.compile(rb"^(?P<function>.+) (?:<null>|(?P<file>/?[^\s()]+?)(?::(?P<line>\d+))?(?::(?P<column>\d+))?)$")
VALGRIND_PLACE = re.compile(rb"^(?P<function>.+) \((?:in (?P<module>\S+)|(?P<file>\S+):(?P<line>\d+))\)$")

# Kinds that are told by something else than the tool under which they are found.
TOLD_BY = {"assert": "libc", "heap-corruption": "libc", "stack-smashing": "libc",
           "fortify-failure": "libc", "uncaught-exception": "cxx",
           "direct-leak": "lsan", "indirect-leak": "lsan"}
LIBFUZZERS = ("timeout", "out-of-memory", "deadly-signal", "unexpected-exit", "overwrites-const-input")


def told_by(kind, tool):
    """The dialect of a kind that shows under a tool."""
    if tool == "valgrind":
        return tool
    return TOLD_BY.get(kind, "asan" if tool == "libfuzzer" and kind not in LIBFUZZERS else tool)



def text_of(value):
    return value.decode() if value is not None else None


def sanitizer_frame(line):
    found = SANITIZER.match(line)
    if not found:
        return None
    frame = {"address": int(found["pc"] or b"0", 16)}
    rest = BUILD_ID.sub(b"", found["rest"]).strip()
    if module := MODULE.match(rest):
        rest = module["rest"]
        frame["module"], frame["offset"] = text_of(module["module"]), int(module["offset"], 16)
    rest = rest.replace(b"(<unknown module>)", b"").strip()
    place = PLACE.match(rest)
    if place and (place["line"] or not place["file"] or b"/" in place["file"] or b"." in place["file"]):
        frame.update({k: text_of(place[k]) for k in ("function", "file")})
        frame.update({k: int(place[k]) for k in ("line", "column") if place[k]})
    else:
        frame["function"] = text_of(rest) or None
    if frame["function"] == "<null>":
        frame["function"] = None
    return frame


def valgrind_frame(line):
    found = VALGRIND.match(line)
    if not found:
        return None
    frame = {"address": int(found["pc"], 16)}
    place = VALGRIND_PLACE.match(found["rest"])
    frame["function"] = text_of(place["function"] if place else found["rest"])
    if frame["function"] == "???":
        frame["function"] = None
    if place:
        frame.update({k: text_of(place[k]) for k in ("module", "file")})
        frame["line"] = int(place["line"] or 0)
    return frame


def gdb_frame(line):
    found = GDB.match(line)
    if not found:
        return None
    frame = {k: text_of(found[k]) for k in ("function", "file", "module")}
    frame["function"] = None if frame["function"] == "??" else frame["function"]
    return frame | {"address": int(found["pc"] or b"0", 16), "line": int(found["line"] or 0)}


FRAMES = {"valgrind": valgrind_frame, "debugger": gdb_frame}
PARTS = {"function": None, "file": None, "line": 0, "column": 0, "module": None, "offset": 0,
         "address": 0}


def lines_of(text):
    """Each line with where it begins."""
    at = 0
    for line in text.split(b"\n"):
        yield at, line
        at += len(line) + 1


def own_stacks(findings):
    """All stacks once: a cause may have borrowed those of the signal it ended in."""
    borrowed = [f["stacks"] for f in findings if not f["died_of"]]
    return [s for f in findings if not (f["died_of"] and f["stacks"] in borrowed)
            for s in f["stacks"]]


def judge_frames(findings, text, dialect):
    """Every frame of the text was read, in order, with all its parts, inside a finding."""
    parse = FRAMES.get(dialect, sanitizer_frame)
    told = [(at, line, frame) for at, line in lines_of(text) if (frame := parse(line))]
    read = [{k: f[k] for k in PARTS} for s in own_stacks(findings) for f in s["frames"]]
    dropped = sum(s["dropped"] for s in own_stacks(findings))
    if len(told) != len(read) + dropped:
        yield f"{len(told)} frames in the text, {len(read)} read, {dropped} left out"
    for (at, line, frame), ours in zip(told, read):
        if dropped:
            break
        if PARTS | frame != ours:
            yield f"'{line.decode()}' was read as {ours}, not {PARTS | frame}"
        if not any(f["begin"] <= at < f["end"] for f in findings):
            yield f"'{line.decode()}' is in no finding's text"


def judge_spans(findings, text):
    """Findings are pieces of the text in its order, and each summary is its finding's."""
    ends = [0] + [n for f in findings for n in (f["begin"], f["end"])] + [len(text)]
    if ends != sorted(ends):
        yield f"the pieces of the text overlap: {ends}"
    for at, line in lines_of(text):
        if not line.startswith(b"SUMMARY: "):
            continue
        owners = [f for f in findings if f["begin"] <= at < f["end"]]
        if [f["summary"] for f in owners] != [line[9:].decode().strip()]:
            yield f"'{line.decode()}' is the summary of {len(owners)} findings"


def plain_name(function):
    """Without what it takes, and without where it is from."""
    name = re.sub(r"\(anonymous namespace\)::", "", function or "")
    return re.sub(r"\(.*", "", name).rpartition("::")[2] or name


def judge_stacks(found, expected, failure):
    """Each stack has its role, and its innermost frame of ours is at a line marked so."""
    roles = [s["role"] for s in found["stacks"]]
    if roles != expected.stacks:
        yield f"stacks {roles}, not {expected.stacks}"
        return
    for i, stack in enumerate(found["stacks"]):
        ours = [f for f in stack["frames"] if (f["file"] or "").rpartition("/")[2] == failure.file
                and not f["plumbing"]]
        seen = [(plain_name(f["function"]), f["line"]) for f in ours]
        marks = failure.marks.get(stack["role"], set())
        if i in expected.unmarked:
            continue
        # The names of lambdas and of methods are their compiler's; their lines are ours.
        if not seen or seen[0][1] not in {line for _, line in marks}:
            yield f"the {stack['role']} stack is at {seen[:3]}, not {sorted(marks)}"
        elif seen[0] not in {(plain_name(n), line) for n, line in marks} \
                and "lambda" not in (ours[0]["function"] or "") and "operator()" not in ours[0]["function"]:
            yield f"the {stack['role']} stack is in {ours[0]['function']}, not {sorted(marks)}"


def judge_place(found, expected, failure):
    """Where the bug shows is the line marked for its main stack, and the signature begins there."""
    role = "crash" if "crash" in expected.stacks or not expected.stacks else expected.stacks[0]
    marks = failure.marks.get(role, set())
    if expected.stacks and expected.stacks.index(role) in expected.unmarked:
        return
    # Without a stack only some say where.
    if not expected.stacks and found["dialect"] != "ubsan" and failure.file not in (found["place"] or ""):
        return
    places = {f"{failure.file}:{line}" for _, line in marks}
    place = re.sub(r"^.*/", "", found["place"] or "")
    if not any(place == p or place.startswith(p + ":") for p in places):
        yield f"the place is {found['place']}, not {sorted(places)}"
    # That is how gcc calls a lambda.
    names = {plain_name(n) for n, _ in marks} | {plain_name("operator()")}
    # What races is sorted, so that it does not matter who was caught.
    first = None if "other-access" in expected.stacks else 1
    if expected.stacks and not any(plain_name(s) in names for s in found["signature"][:first]):
        yield f"the signature is {found['signature']}, not {sorted(names)}"


def told_address(found, text):
    """The first number in the heading, or of the access, that is an address."""
    piece = text[found["begin"]:found["end"]]
    head = piece.split(b"\n    #")[0].split(b"(pc ")[0]
    number = re.search(rb"\b[Aa]ddress 0x([0-9a-fA-F]+)", piece) or \
        re.search(rb"(?<![+(])(?<!pc )\b0x([0-9a-fA-F]+)", head)
    return number and int(number[1], 16)


def judge(failure, expected, tool, read, text):
    """Everything that is wrong with how one text was read."""
    findings = read["findings"]
    if read["unread"] or read["dropped"]:
        yield f"not understood: {[u['line'] for u in read['unread']]}, dropped {read['dropped']}"
    found = next((f for f in findings if f["is_primary"]), None)
    if not found:
        yield "nothing was found"
        return
    wanted = {"kind": expected.kind, "access": expected.access, "size": expected.size,
              "is_security": expected.is_security,
              "dialect": told_by(expected.kind, tool.own)}
    for name, value in wanted.items():
        if found[name] != value:
            yield f"{name} is {found[name]!r}, not {value!r}"
    address = found["address"] and int(found["address"], 16)
    if expected.has_address != (found["address"] is not None):
        yield f"the address is {found['address']}"
    elif expected.has_address and address != told_address(found, text):
        yield f"the address is {found['address']}, not {told_address(found, text)}"
    if expected.words not in f"{found['message']}\n{found['title']}":
        yield f"the message is '{found['message']}', without '{expected.words}'"
    if not found["message"] or not found["headline"] or not found["crash_type"]:
        yield "there is no message, headline or type"
    also = sorted(f["kind"] for f in findings if f is not found)
    if also != sorted(expected.also):
        yield f"beside it there are {also}, not {sorted(expected.also)}"
    yield from judge_stacks(found, expected, failure)
    yield from judge_place(found, expected, failure)
    yield from judge_frames(findings, text, tool.own)
    yield from judge_spans(findings, text)
