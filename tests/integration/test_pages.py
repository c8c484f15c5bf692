"""Manual pages and completions say what the commands say, all of it and nothing else."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from conftest import IRONWORKS, ROOT

OPTION = re.compile(r'\{\s*"([a-z][a-z-]+)",\s*(?:\.take|\.word|\.flag)\b')
COMMAND = re.compile(r'\{"([a-z]+)",\s*"', re.S)


def say(*words, rc=0):
    done = subprocess.run([IRONWORKS, *words], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == rc, done.stderr
    return done.stdout


@pytest.fixture(scope="module", name="commands")
def _commands(binaries):  # pylint: disable=unused-argument
    table = (ROOT / "supervisor/cli/main.c").read_text(encoding="utf-8")
    table = table[table.index("cli_commands[] = {"):table.index("{NULL, NULL, NULL}")]
    return COMMAND.findall(table)


@pytest.fixture(scope="module", name="bash")
def _bash(binaries):  # pylint: disable=unused-argument
    return say("completion", "bash")


def offered(bash):
    """What follows each command."""
    return {name: words.split() for name, words in re.findall(r"^\t\t([a-z]+)\) words='(.*)' ;;$", bash, re.M)}


def takes(*words):
    done = subprocess.run([IRONWORKS, *words, "1", "--help"], text=True, capture_output=True, check=False,
                          timeout=60)
    return "is no option of it" not in done.stderr


def test_every_command_is_completed_and_has_a_page(commands, bash, tmp_path):
    first = re.search(r"COMP_CWORD\" -eq 1 \]; then\n\t\twords='(.*)'", bash)[1].split()
    assert first == [*commands, "--help", "--version"] and list(offered(bash)) == commands
    say("man", "--into", str(tmp_path))
    assert {p.name for p in tmp_path.iterdir()} == {"ironworks.1", *(f"ironworks-{c}.1" for c in commands)}
    main = (tmp_path / "ironworks.1").read_text(encoding="utf-8")
    assert re.findall(r"^\.BR ironworks\\-([a-z]+) \(1\)$", main, re.M) == commands


def test_every_option_is_documented_completed_and_taken(commands, bash):
    """Those in the sources are those in the pages, and the commands take each."""
    documented = set()
    for command, words in offered(bash).items():
        page = say("man", command).replace("\\-", "-")
        for option in (w for w in words if w.startswith("--")):
            documented.add(option)
            assert option == "--help" or option in page, (command, option)
            verbs = [[], ["--binary", "/bin/true"], *([w] for w in words if not w.startswith("--"))]
            assert any(takes(command, *verb, option) for verb in verbs), (
                f"{command} does not know {option}, which its help names")
    sources = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "supervisor/cli").glob("*.[ch]"))
    assert {f"--{o}" for o in OPTION.findall(sources)} - documented == set(), "no help tells of these"
    assert set(offered(bash)) == set(commands)


def test_shells_read_them(bash, tmp_path):
    script = tmp_path / "complete.sh"
    script.write_text(bash + """
ask() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _ironworks; echo "${COMPREPLY[*]}"; }
ask ironworks ca
ask ironworks bug w
ask ironworks crash --ta
""", encoding="utf-8")
    done = subprocess.run(["bash", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["campaign", "wontfix", "--target"], done.stderr
    for shell, words in (("zsh", ["zsh", "-n"]), ("fish", ["fish", "-n"])):
        text = say("completion", shell)
        assert "wontfix" in text and "all-sanitizers" in text
        if shutil.which(shell):
            (tmp_path / shell).write_text(text, encoding="utf-8")
            subprocess.run([*words, tmp_path / shell], check=True)


def test_troff_reads_them(commands, tmp_path):
    say("man", "--into", str(tmp_path))
    if not shutil.which("groff"):
        pytest.skip("no groff here")
    for command in commands:
        done = subprocess.run(["groff", "-man", "-Tutf8", "-Kutf8", "-ww", tmp_path / f"ironworks-{command}.1"],
                              capture_output=True, text=True, check=True)
        assert not done.stderr, done.stderr
        text = re.sub(".\b", "", done.stdout)
        for title in ("NAME", "SYNOPSIS", "EXAMPLES", "EXIT STATUS"):
            assert title in text, (command, title)


def test_what_there_is_none_of(commands):  # pylint: disable=unused-argument
    assert say("man", "nothing", rc=4) == "" and say("completion", "tcsh", rc=2) == ""
