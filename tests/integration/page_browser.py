"""The dashboard's browser: tests/page/browser.cjs, told what to do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import pytest

import npm_packages
from conftest import ROOT, wait_until

HOME = ROOT / "tests" / "page"
CHROMIUM = next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None)

#: Everything that a keyboard can reach, and the words that it is called by.
CONTROLS = {"button", "link", "textbox", "searchbox", "combobox", "checkbox", "spinbutton", "region"}


def require():
    for name, found in (("chromium", CHROMIUM), ("node", shutil.which("node")), ("npm", shutil.which("npm"))):
        if not found:
            pytest.skip(f"the page's tests need {name}; .ci/install check installs it")


class Browser:
    """One Chromium; open() makes a page in a context of its own, the only one there is."""

    def __init__(self):
        packages = npm_packages.install("page")
        self.process = subprocess.Popen(
            ["node", str(HOME / "browser.cjs"), CHROMIUM], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True,
            env=os.environ | {"NODE_PATH": str(packages / "node_modules")})

    def ask(self, **words):
        self.process.stdin.write(json.dumps(words, default=str) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the browser is gone"
        said = json.loads(line)
        assert "error" not in said, said["error"]
        return said["value"]

    def open(self, url, **options):
        self.url = url
        self.ask(do="open", options={"viewport": {"width": 1440, "height": 900}} | options)
        return self

    def page(self, method, *args):
        return self.ask(do="page", method=method, args=args)

    def locate(self, selector, method, *args):
        return self.ask(do="locate", selector=selector, method=method, args=args)

    def goto(self, route="", heading=None):
        """A page of the document, and its first answer is there."""
        self.page("goto", f"{self.url}/#/{route}")
        self.page("waitForSelector", '[data-link="on"]')
        self.page("waitForSelector", f'h1:has-text("{heading}")' if heading else "h1")
        wait_until(lambda: "Asking the farm" not in self.text(), 15, "the farm has answered")

    def eval(self, script, arg=None):
        """The value of an expression, or of a function of arg."""
        is_function = script.lstrip().startswith(("(", "async")) and "=>" in script
        return self.page("evaluate", f"({script})({json.dumps(arg)})" if is_function else script)

    def text(self, selector="main"):
        return self.page("innerText", selector)

    def press(self, key):
        self.ask(do="keyboard", key=key)

    def rows(self, selector="table.cards"):
        """[{column: text}…]; the cell that names the row is called "row"."""
        return self.eval("""(selector) => [...document.querySelectorAll(`${selector} tbody tr`)]
            .filter((tr) => !tr.classList.contains("below"))
            .map((tr) => Object.fromEntries([...tr.children].map((c) =>
                [c.dataset.label ?? "row", c.innerText.trim()])))""", selector)

    def tree(self):
        """[(role, name)…] of the accessibility tree, without what is ignored."""
        nodes = self.ask(do="tree")["nodes"]
        return [(n["role"]["value"], n.get("name", {}).get("value", "")) for n in nodes
                if not n["ignored"] and "role" in n]

    def seen(self):
        return self.ask(do="seen")

    def close(self):
        self.process.stdin.close()
        self.process.wait(20)
