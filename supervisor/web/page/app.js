/* The frame: which page is shown, the connection, who is signed in. */
import {queryOf, token} from "./api.js";
import {bugPage} from "./bug.js";
import {bugsPage} from "./bugs.js";
import {campaignsPage} from "./campaigns.js";
import {h, patch} from "./dom.js";
import {NO_SANDBOX, farmPage} from "./farm.js";
import {connect, listen, live, role, signOut} from "./live.js";
import {badge, tickTimes} from "./parts.js";
import {prsPage} from "./prs.js";
import {askForToken} from "./sign_in.js";
import {targetPage} from "./target.js";
import {targetsPage} from "./targets.js";

const NAV = [["", "Farm"], ["targets", "Targets"], ["bugs", "Bugs"], ["prs", "Staged PRs"],
	["campaigns", "Campaigns"]];

const ROUTES = [
	[/^$/, farmPage], [/^targets$/, targetsPage], [/^targets\/(\d+)$/, targetPage],
	[/^bugs$/, bugsPage], [/^bugs\/(\d+)$/, bugPage], [/^prs$/, prsPage],
	[/^campaigns$/, campaignsPage],
];

const main = document.getElementById("main");
const missing = new Set();	/* parts that this farm does not have */
const scrolls = new Map();
let page = null, path = "", serial = 0, isDrawing = false;

const missingPage = () => ({
	title: () => "Not found",
	view: () => [h("h1", null, "Not found"), h("p", {class: "empty"},
		"There is no such page. ", h("a", {href: "#/"}, "The farm"))],
});

/* -- drawing -- */

function redraw()
{
	if (isDrawing)
		return;
	isDrawing = true;
	requestAnimationFrame(() => {
		isDrawing = false;
		draw();
	});
}

function draw()
{
	drawNav();
	drawLink();
	drawWho();
	patch(document.getElementById("note"), live.note && h("div", {class: "notice warn"}, live.note, " ",
		h("button", {type: "button", onclick: () => {
			live.note = "";
			redraw();
		}}, "Close")));
	/* Another page is other elements, so that nothing of the last one's state stays. */
	patch(main, h("div", {key: `page-${serial}`, class: "page"}, page.view()));
	document.title = [page.title(), page.parent, "Ironworks"].filter(Boolean).join(" · ");
}

function drawNav()
{
	const here = path.split("/")[0];

	patch(document.getElementById("nav"), NAV.filter(([to]) => !missing.has(to)).map(([to, text]) =>
		h("li", {key: to}, h("a", {href: `#/${to}`, "aria-current": to === here ? "page" : null}, text))));
}

const LINK = {on: ["●", "Live"], waiting: ["○", "Connecting…"], refused: ["○", "Connecting…"],
	off: ["✕", "Not connected"]};

/* Screen readers hear the words change; they do not hear the seconds. */
function drawLink()
{
	const {is, until_ms, why} = live.link;
	const [sign, text] = LINK[is];
	const seconds = Math.max(0, Math.ceil((until_ms - Date.now()) / 1000));

	document.documentElement.dataset.link = is;
	patch(document.getElementById("link"), h("span", {class: "sign", "aria-hidden": "true"}, sign),
		h("span", {class: "words"}, text));
	patch(document.getElementById("lost"), is === "off" && h("div", {class: "notice bad"},
		`${why} What you see is as old as the last answer. `,
		h("span", {"aria-hidden": "true"}, seconds ? `Trying again in ${seconds} s. ` : "Trying again. "),
		h("button", {type: "button", onclick: connect}, "Try now")));
}

function drawWho()
{
	const isSignedIn = Boolean(token.get()) && role() !== "none";

	patch(document.getElementById("who"),
		live.farm && !live.farm.sandbox && badge("no sandbox", "bad", NO_SANDBOX),
		isSignedIn && h("span", {key: "role"}, h("span", {class: "wordy"}, "role "), h("b", null, role())),
		isSignedIn ? h("button", {key: "out", type: "button", onclick: signOut}, "Sign out") :
			h("button", {key: "in", type: "button", onclick: askForToken}, "Sign in"));
}

/* -- pages -- */

function contextOf(params, query)
{
	const mine = ++serial, name = path.split("/")[0];

	return {
		params, query,
		redraw: () => mine === serial && redraw(),
		/* Part of the address, so that it can be shared; not a step back in history. */
		keepQuery: (fields) =>
			history.replaceState({isVisited: true}, "", `#/${path}${queryOf(fields)}`),
		/* A part that is not there is not spoken of. */
		refused: (e) => e.status === 404 && missing.add(name) && redraw(),
	};
}

function open()
{
	const hash = location.hash.replace(/^#\/?/, "");
	const at = hash.indexOf("?");
	const isBack = history.state?.isVisited;

	page?.close?.();
	path = at < 0 ? hash : hash.slice(0, at);
	const [pattern, make] = ROUTES.find(([p]) => p.test(path)) || [/^/, missingPage];

	page = make(contextOf(path.match(pattern).slice(1), new URLSearchParams(at < 0 ? "" : hash.slice(at + 1))));
	history.replaceState({isVisited: true}, "");
	draw();
	return isBack;
}

function onHashChange(e)
{
	scrolls.set(e.oldURL, scrollY);
	const isBack = open();

	scrollTo(0, isBack ? scrolls.get(e.newURL) || 0 : 0);
	const heading = main.querySelector("h1");

	heading.tabIndex = -1;
	heading.focus({preventScroll: true});
}

/* -- theme -- */

const THEMES = ["auto", "light", "dark"];

function drawTheme()
{
	const theme = document.documentElement.dataset.theme;

	patch(document.getElementById("theme"), h("span", {class: "wordy"}, "Theme: "), theme);
}

function nextTheme()
{
	const root = document.documentElement;

	root.dataset.theme = THEMES[(THEMES.indexOf(root.dataset.theme) + 1) % THEMES.length];
	localStorage.setItem("ironworks-theme", root.dataset.theme);
	drawTheme();
	dispatchEvent(new Event("themechange"));
}

document.getElementById("theme").addEventListener("click", nextTheme);
document.getElementById("skip").addEventListener("click", (e) => {
	e.preventDefault();	/* the address is the page's, not a place in it */
	main.focus();
});
addEventListener("hashchange", onHashChange);
listen((what, data) => {
	if (what === "signed out")
		open();
	page.changed?.(what, data);
	redraw();
});
setInterval(() => {
	tickTimes();
	if (live.link.is === "off")
		drawLink();
}, 1000);
drawTheme();
open();
connect();
