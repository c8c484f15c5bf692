"""The dashboard in a real browser, on a real farm: what it shows, how it lives, who may see
what, and that nothing it is told gets out of its place."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
import time

import pytest

import page_browser
from conftest import ROOT, wait_until
from page_browser import CONTROLS, Browser
from page_farm import HTML, PageFarm

PAGE = ROOT / "supervisor" / "web" / "page"
ROUTES = ["", "targets", "targets/{target}", "bugs", "bugs/{public}", "bugs/{private}", "prs", "campaigns"]

#: What Chromium says when a server is gone or refuses; the page says it in its own words.
EXPECTED = re.compile(r"Failed to load resource: (net::ERR_|the server responded with a status of 401)")


@pytest.fixture(scope="module")
def farm(binaries, tmp_path_factory):
    farm = PageFarm(tmp_path_factory.mktemp("page"))
    try:
        farm.begin()
        yield farm
    finally:
        farm.close()


@pytest.fixture(scope="module")
def chromium():
    page_browser.require()
    browser = Browser()
    yield browser
    browser.close()


@pytest.fixture
def browser(chromium, farm):
    """Whatever a test does: no complaint of the page's own, and no word to anybody else."""
    yield chromium.open(farm.url)
    seen = chromium.seen()
    assert [t for t in seen["console"] if not EXPECTED.search(t)] == []
    assert seen["errors"] == [] and seen["dialogs"] == []
    assert [u for u in seen["requests"] if not u.startswith((farm.url + "/", "data:", f"blob:{farm.url}"))] == []
    assert [u for u in seen["requests"] if "iw_" in u] == [], "a token stands in an address"


def routes(farm):
    ids = {"target": farm.get("/targets")["targets"][0]["id"],
           "public": farm.bug(private=False)["id"], "private": farm.bug(private=True)["id"]}
    return [route.format(**ids) for route in ROUTES]


def sign_in(browser, token):
    browser.page("click", "text=Sign in")
    browser.page("fill", "#token", token)
    browser.page("press", "#token", "Enter")


def signed_in(browser, farm, role):
    browser.goto()
    sign_in(browser, farm.tokens[role])
    browser.page("waitForSelector", "text=Sign out")


def digits(text):
    """"1 234 567+8" begins with 1234567; the page groups digits with thin spaces."""
    return int(re.match(r"[\d\u202f]+", text)[0].replace("\u202f", ""))


def one_line(text):
    return re.sub(r"\s+", " ", text.replace("\u202f", " ").replace("\u00a0", " "))


# -- what it shows ------------------------------------------------------------------------


def test_farm(browser, farm):
    browser.goto("", "Farm")
    told = farm.get("/farm")
    text = one_line(browser.text())
    assert f"Phase {told['phase']}" in text and told["version"] in text
    assert {digits(row["row"]) for row in browser.rows()} == {s["slot"] for s in told["slots"]}
    # Between two engines, which end at every crash, a core is idle.
    wait_until(lambda: any("/" in row["What"] for row in browser.rows()), 30, "a core has work")
    for purpose, ms in told["core_ms"].items():
        assert ms == 0 or browser.locate(f'table.bars th:text-is("{purpose}")', "count") == 1, purpose
    for message in told["messages"][-5:]:
        assert one_line(message["text"]) in text
    assert "without a sandbox" in text, "this farm has none, and every page says so"


def test_targets_are_those_of_status(browser, farm):
    """The same numbers on the page, in the API and from the command line."""
    browser.goto("targets", "Targets")

    def agree():
        status = farm.ironworks("status", "--state", farm.state, "--json").json["targets"]
        told = {f"{t['adapter']}/{t['target']}": t for t in farm.get("/targets")["targets"]}
        shown = {row["row"]: row for row in browser.rows()}
        assert set(shown) == set(told) == {f"{t['adapter']}/{t['target']}" for t in status}
        return all(
            digits(shown[name]["Features"]) == told[name]["features"] == t["features"]
            and digits(shown[name]["Units"]) == told[name]["units"] == t["units"]
            and digits(shown[name]["Open bugs"]) == told[name]["open_bugs"]
            and shown[name]["Status"] == told[name]["status"]
            for t in status for name in [f"{t['adapter']}/{t['target']}"])
    wait_until(agree, 30, "page, API and status agree")


def test_target(browser, farm):
    told = farm.get("/targets")["targets"][0]
    browser.goto(f"targets/{told['id']}", f"{told['adapter']}/{told['target']}")
    assert {row["row"] for row in browser.rows()} == set(told["engines"])
    assert browser.locate("button:text-is('Hold')", "count") == 0, "nobody without a role holds"
    wait_until(lambda: browser.locate(".graph canvas", "count") == 3, 15, "the charts are there")
    assert browser.eval("""() => [...document.querySelectorAll(".graph canvas")].every((c) =>
        c.getContext("2d").getImageData(0, 0, c.width, c.height).data.some(Boolean))"""), "a chart is empty"
    name = browser.eval("document.querySelector('.canvas').getAttribute('aria-label')")
    assert name.startswith("Features over time: "), name


def test_bug(browser, farm):
    bug = farm.bug(private=False)
    told = farm.get(f"/bugs/{bug['id']}")
    assert (told["outcome"], told["prs"]) == ("staged", [7]), told
    browser.goto(f"bugs/{bug['id']}", f"Bug {bug['id']}")
    text = one_line(browser.text())
    assert one_line(told["type"].split("\n")[0]) in browser.text("h1")
    assert f"{told['hits']} of {told['runs']} runs" in text and "At fault: #7" in text
    steps = browser.eval("[...document.querySelectorAll('.steps li')].map((li) => li.textContent)")
    assert steps == told["proof"]["log"]
    frames = browser.eval("[...document.querySelectorAll('.frames li')].map((li) => li.textContent)")
    assert frames == told["frames"]
    for command in told["commands"]:
        assert browser.locate(f'.command code:text-is("{command}")', "count") == 1, command
    browser.page("click", "text=Show the issue")
    browser.page("waitForSelector", "pre.issue")
    assert told["frames"][0] in browser.text("pre.issue")


def test_commands_are_copied(chromium, farm):
    bug = farm.bug(private=False)
    command = farm.get(f"/bugs/{bug['id']}")["commands"][0]
    chromium.open(farm.url, permissions=["clipboard-read", "clipboard-write"])
    chromium.goto(f"bugs/{bug['id']}", f"Bug {bug['id']}")
    chromium.page("click", ".command button")
    chromium.page("waitForSelector", "button:text-is('Copied')")
    assert chromium.eval("navigator.clipboard.readText()") == command


def test_bugs_are_filtered(browser, farm):
    browser.goto("bugs", "Bugs")
    bugs = farm.get("/bugs")["bugs"]
    ids = lambda: {digits(row["row"]) for row in browser.rows()}
    assert ids() == {b["id"] for b in bugs}
    browser.page("selectOption", "#bug-outcome", "staged")
    staged = {b["id"] for b in bugs if b["outcome"] == "staged"}
    wait_until(lambda: ids() == staged, 10, "only those that are staged")
    assert browser.eval("location.hash") == "#/bugs?outcome=staged", "the address can be shared"
    browser.page("fill", "#bug-text", "no such function")
    browser.page("waitForSelector", "text=No bug is like this")
    browser.page("click", "text=Show all bugs")
    wait_until(lambda: ids() == {b["id"] for b in bugs}, 10, "all of them again")
    assert browser.eval("document.querySelector('#bug-outcome').value") == ""


def test_staged_prs(browser, farm):
    told = farm.get("/prs")["prs"]
    assert {p["pr"] for p in told} == {6, 7}
    browser.goto("prs", "Staged PRs")
    shown = {row["row"]: row for row in browser.rows()}
    assert set(shown) == {"#6", "#7"}
    (seven,) = [p for p in told if p["pr"] == 7]
    assert shown["#7"]["Its bugs"] == ", ".join(map(str, seven["bugs"])) != ""
    wait_until(lambda: digits(browser.rows()[0]["Executions"]) > 0, 30, "it is fuzzed")


def test_lines_that_are_reached(browser, farm):
    """Of targets in a column; of pull requests also those that nothing reaches, by strangers' names."""
    path = "<img src=x onerror=hacked=1>.c"
    target = farm.get("/targets")["targets"][0]
    gaps = [{"path": path, "first": 3, "last": 9}, {"path": "b.c", "first": 2, "last": 2}]
    with contextlib.closing(sqlite3.connect(farm.state / "ironworks.db", timeout=30)) as db, db:
        db.execute("INSERT INTO coverage SELECT adapter_id, id, 'c0', 200, 150, 9, 8, 7, 6, 5, 0, 1, 1 "
                   "FROM target WHERE id = ?", [target["id"]])
        db.execute("INSERT INTO staged_coverage SELECT adapter_id, pr, head, 10, 2, ?, 1 FROM staged_pr "
                   "WHERE pr = 7", [json.dumps(gaps)])
    browser.goto("prs", "Staged PRs")
    wait_until(lambda: "Nothing reaches" in browser.eval("document.querySelector('main').innerText"), 20, "it shows")
    assert f"Nothing reaches {path}:3–9, b.c:2" in browser.eval("document.querySelector('main').innerText")
    shown = {row["row"]: row["Its lines"] for row in browser.rows()}
    assert digits(shown["#7"].split("of")[1].strip()) == 10 and shown["#6"] == "–"
    browser.goto("targets", "Targets")
    rows = lambda: {row["row"]: row["Lines"] for row in browser.rows()}
    name = f"{target['adapter']}/{target['target']}"
    wait_until(lambda: digits(rows()[name].split("%")[0]) == 75, 30, "its share shows")
    assert [lines for row, lines in rows().items() if row != name] == ["–"]


# -- how it lives -------------------------------------------------------------------------


def test_numbers_change_in_place(browser, farm):
    """Without a reload, and without taking focus, text or the place from who reads."""
    browser.goto("targets", "Targets")
    name = farm.get("/targets")["targets"][0]["target"]
    browser.page("fill", "#target-text", name)
    wait_until(lambda: len(browser.rows()) == 1, 10, "one is left")
    browser.eval("() => { window.mark = document.querySelector('tbody tr td:nth-child(4)'); }")
    total = lambda: sum(digits(row["Executions"]) for row in browser.rows())
    before = total()
    wait_until(lambda: total() > before, 30, "executions grow")
    assert browser.eval("""() => window.mark === document.querySelector('tbody tr td:nth-child(4)')
        && document.activeElement.id === "target-text" && document.activeElement.value.length > 0""")


def test_reconnects(browser, farm):
    browser.goto("targets", "Targets")
    browser.eval("() => { window.mark = 1; }")
    farm.kill()
    try:
        browser.page("waitForSelector", "text=Not connected")
        assert "as old as the last answer" in browser.text("#lost")
        assert browser.rows(), "what was known is shown still"
    finally:
        farm.start()
    browser.page("waitForSelector", '[data-link="on"]', {"timeout": 30000})
    assert browser.text("#lost") == "" and browser.eval("window.mark") == 1
    total = lambda: sum(digits(row["Executions"]) for row in browser.rows())
    before = total()
    wait_until(lambda: total() > before, 30, "numbers run again")


def test_events_in_pieces(browser):
    """A stream comes in whatever pieces the network makes; cut at every place, it says the same."""
    browser.goto()
    told = browser.eval("""async () => {
        const {EventParser} = await import("/events.js");
        const text = ": a comment\\nevent: farm\\ndata: {\\ndata: }\\n\\n" +
            "event:bugs\\r\\ndata: [1]\\r\\n\\r\\ndata\\r\\rid: 7\\ndata: é\\n\\nevent: none\\n\\n";
        const all = new Set();
        for (let cut = 0; cut <= text.length; cut++) {
            const seen = [];
            const parser = new EventParser((name, data) => seen.push([name, data]));
            parser.push(text.slice(0, cut));
            parser.push(text.slice(cut));
            all.add(JSON.stringify(seen));
        }
        return [...all].map((text) => JSON.parse(text));
    }""")
    assert told == [[["farm", "{\n}"], ["bugs", "[1]"], ["message", ""], ["message", "é"]]]


# -- who may see what ---------------------------------------------------------------------


def test_private_bugs_say_nothing(browser, farm):
    bug = farm.bug(private=True)
    secrets = [bug["type"], bug["frames"][0], bug["input"]]
    browser.goto("bugs", "Bugs")
    (row,) = [r for r in browser.rows() if digits(r["row"]) == bug["id"]]
    assert row["What"] == "private" and "token" in browser.text()
    assert bug["type"] not in str(row)
    listed = browser.page("content")
    browser.goto(f"bugs/{bug['id']}", "private")
    assert "token" in browser.text() and browser.locate("text=Download", "count") == 0
    assert not [secret for secret in secrets if secret in browser.page("content")]
    # The public bug has the same type.
    assert not [secret for secret in secrets[1:] if secret in listed]


def test_sign_in_and_out(browser, farm):
    bug = farm.bug(private=True)
    browser.goto(f"bugs/{bug['id']}", "private")
    sign_in(browser, farm.tokens["read"])
    browser.page("waitForSelector", f'h1:has-text("{bug["frames"][0]}")')
    assert "read" in browser.text("#who")
    assert browser.locate("#sign-in", "isVisible") is False
    assert farm.tokens["read"] not in browser.page("content")
    browser.page("click", "text=Sign out")
    browser.page("waitForSelector", 'h1:has-text("private")')
    assert bug["frames"][0] not in browser.page("content")
    assert browser.eval("sessionStorage.length + Object.keys(localStorage).length") == 0


def test_wrong_token(browser, farm):
    browser.goto()
    sign_in(browser, "iw_" + "0" * 40)
    browser.page("waitForSelector", "#token-said:has-text('wrong')")
    assert browser.locate("#sign-in", "isVisible"), "one may try again"
    browser.press("Escape")
    assert "Sign in" in browser.text("#who")


def test_behind_a_proxy(browser, farm):
    """Whoever comes by one sees nothing before he has signed in."""
    browser.page("setExtraHTTPHeaders", {"X-Forwarded-For": "192.0.2.7"})
    browser.page("goto", farm.url)
    browser.page("waitForSelector", "text=this wants a token with the role 'read'")
    sign_in(browser, farm.tokens["read"])
    browser.page("waitForSelector", "text=Sign out")
    browser.page("waitForSelector", "text=fuzzing")


def test_hold_and_resume(browser, farm):
    target = farm.get("/targets")["targets"][0]
    is_held = lambda: farm.get(f"/targets/{target['id']}")["is_held"]
    signed_in(browser, farm, "triage")
    browser.goto(f"targets/{target['id']}", target["target"])
    browser.page("click", "button:text-is('Hold')")
    browser.page("waitForSelector", "button:text-is('Resume')")
    assert is_held() and "held" in browser.text()
    browser.page("click", "button:text-is('Resume')")
    browser.page("waitForSelector", "button:text-is('Hold')")
    assert not is_held()


def test_campaign(browser, farm):
    browser.goto("campaigns", "Campaigns")
    assert browser.locate("form.start", "count") == 0, "who has no role starts none"
    signed_in(browser, farm, "triage")
    browser.goto("campaigns", "Campaigns")
    browser.page("fill", "#campaign-name", HTML)
    browser.page("fill", "#campaign-hours", "0.5")
    browser.page("click", "text=Start the campaign")
    browser.page("waitForSelector", "text=Choose at least one target.")
    browser.page("check", ".choice input >> nth=0")
    browser.page("click", "text=Start the campaign")
    browser.page("waitForSelector", "table.cards")
    state = lambda: {row["row"]: row["State"] for row in browser.rows()}.get(HTML)
    wait_until(lambda: state() == "active", 10, "it is there")
    browser.page("click", f'tr:has-text("{HTML}") button:text-is("Stop")')
    wait_until(lambda: state() == "stopped", 10, "it is stopped")


# -- strangers' words ---------------------------------------------------------------------


def test_html_stays_text(browser, farm):
    bug = farm.bug(private=False)
    assert HTML in bug["frames"], "the target's function is called so"
    for route in ("", "bugs", f"bugs/{bug['id']}"):
        browser.goto(route)
        assert browser.locate("img, script:not([src])", "count") == 0
        assert browser.eval("'hacked' in window") is False
    assert HTML in browser.text("h1") and HTML in browser.text(".frames")


def test_nothing_parses_html():
    """Not even where a test does not look."""
    forbidden = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment"
                           r"|DOMParser|setHTML|\beval\(|new Function|https?://|style=\"|\son\w+=\"")
    for path in PAGE.iterdir():
        if path.suffix in (".js", ".html", ".css"):
            assert not forbidden.search(path.read_text(encoding="utf-8")), path.name


# -- for everybody ------------------------------------------------------------------------


def test_keyboard(browser, farm):
    """Tab goes through the page in the order in which it is read."""
    browser.goto("bugs", "Bugs")
    name = """() => { const e = document.activeElement;
        return e.labels?.[0]?.textContent || e.getAttribute("aria-label") || e.textContent; }"""
    names = []
    for _ in range(14):
        browser.press("Tab")
        names.append(browser.eval(name).strip())
        assert browser.eval("() => getComputedStyle(document.activeElement).outlineStyle") != "none", names
    assert names == ["Skip to the content", "Ironworks", "Farm", "Targets", "Bugs", "Staged PRs", "Campaigns",
                     "Sign in", "Theme: auto", "Adapter", "Target", "State", "Attributed", "Text"]
    browser.goto("bugs", "Bugs")
    browser.page("focus", "#skip")
    browser.press("Enter")
    browser.press("Tab")
    assert browser.eval(name) == "Adapter", "the header is skipped"
    browser.page("focus", "nav a >> nth=1")
    browser.press("Enter")
    browser.page("waitForSelector", "h1:has-text('Targets')")
    assert browser.eval("document.activeElement.localName") == "h1", "the new page is announced"


def test_dialog_is_a_dialog(browser, farm):
    browser.goto()
    browser.page("focus", "#who button")
    browser.press("Enter")
    assert browser.eval(name_of_focused) == "Token"
    assert ("dialog", "Sign in") in browser.tree()
    browser.press("Escape")
    assert browser.eval(name_of_focused) == "Sign in", "focus comes back"


name_of_focused = """() => { const e = document.activeElement;
    return e.labels?.[0]?.textContent || e.textContent; }"""


def test_names_and_headings(browser, farm):
    """By the accessibility tree: every control has a name, every page a title, one first
    heading, and no level is skipped."""
    signed_in(browser, farm, "triage")
    titles = set()
    for route in routes(farm):
        browser.goto(route)
        nameless = [role for role, name in browser.tree() if role in CONTROLS and not name]
        assert not nameless, (route, nameless)
        levels = browser.eval("[...document.querySelectorAll('h1, h2, h3')].filter((h) => h.checkVisibility())"
                              ".map((h) => Number(h.localName[1]))")
        assert levels[0] == 1 and levels.count(1) == 1, (route, levels)
        assert all(b - a <= 1 for a, b in zip(levels, levels[1:])), (route, levels)
        assert browser.eval("[...document.querySelectorAll('th')].every((th) => th.scope)"), route
        titles.add(browser.page("title"))
    assert len(titles) == len(ROUTES) and all(t.endswith("Ironworks") for t in titles), titles


# The lowest contrast of any text with what is behind it; 4.5 is what WCAG's AA asks for.
CONTRAST = """() => {
    const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
    const rgba = (colour) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1); return canvas.getImageData(0, 0, 1, 1).data; };
    const light = (c) => [0, 1, 2].map((i) => c[i] / 255)
        .map((v) => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
    const ground = (el) => { for (; el; el = el.parentElement) {
        const c = rgba(getComputedStyle(el).backgroundColor); if (c[3] === 255) return c; } };
    let least = [99, ""];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const el = walker.currentNode.parentElement;
        if (!walker.currentNode.nodeValue.trim() || !el.checkVisibility() || el.closest(":disabled")) continue;
        const [a, b] = [light(rgba(getComputedStyle(el).color)), light(ground(el))];
        const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
        if (ratio < least[0]) least = [ratio, walker.currentNode.nodeValue];
    }
    return least;
}"""
BRIGHTNESS = """() => getComputedStyle(document.body).backgroundColor.match(/\\d+/g)
    .slice(0, 3).reduce((a, b) => a + Number(b), 0) / 3"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark(browser, farm, scheme):
    browser.page("emulateMedia", {"colorScheme": scheme})
    for route in routes(farm):
        browser.goto(route)
        assert (browser.eval(BRIGHTNESS) < 60) == (scheme == "dark")
        ratio, text = browser.eval(CONTRAST)
        assert ratio >= 4.5, f"'{text}' on {route}: {ratio:.2f}"


def test_theme_is_remembered(browser, farm):
    browser.page("emulateMedia", {"colorScheme": "light"})
    browser.goto()
    assert browser.eval(BRIGHTNESS) > 200
    browser.page("click", "#theme")
    browser.page("click", "#theme")
    assert browser.text("#theme") == "Theme: dark" and browser.eval(BRIGHTNESS) < 60
    browser.page("reload")
    browser.page("waitForSelector", "h1")
    assert browser.eval(BRIGHTNESS) < 60


def test_phone(browser, farm):
    """360 pixels: no page scrolls sideways, and nothing that one taps is tiny."""
    browser.page("setViewportSize", {"width": 360, "height": 740})
    signed_in(browser, farm, "triage")
    for route in routes(farm):
        browser.goto(route)
        assert browser.eval("document.documentElement.scrollWidth") <= 360, route
        small = browser.eval("""() => [...document.querySelectorAll("button, input, select, nav a")]
            .filter((e) => e.checkVisibility() && e.type !== "checkbox" && !e.closest("thead"))
            .filter((e) => e.getBoundingClientRect().height < 28).map((e) => e.outerHTML)""")
        assert not small, (route, small)


def test_people_decide(browser, farm):
    bug = farm.bug(private=False)
    browser.goto(f"bugs/{bug['id']}", f"Bug {bug['id']}")
    assert browser.locate("button:text-is('Close')", "count") == 0, "nobody without a role decides"
    signed_in(browser, farm, "triage")
    browser.goto(f"bugs/{bug['id']}", f"Bug {bug['id']}")
    assert browser.locate("button:text-is('Reopen')", "count") == 0, "there is nothing to undo"
    browser.page("fill", "#bug-why", f"as {HTML} wants")
    browser.page("click", "button:text-is('Won’t fix')")
    browser.page("waitForSelector", "button:text-is('Reopen')")
    told = farm.get(f"/bugs/{bug['id']}", token=farm.tokens["read"])
    assert (told["decision"], told["decision_by"], told["decision_why"]) == (
        "wontfix", "page triage", f"as {HTML} wants")
    assert f"wontfix decided by hand (page triage: as {HTML} wants)" in one_line(browser.text("main"))
    browser.page("click", "button:text-is('Reopen')")
    wait_until(lambda: farm.bug(id=bug["id"])["decision"] is None, 15, "it is undone")
