/* One target: how it grows, what each engine does on it, what was found. */
import {get, post} from "./api.js";
import {h} from "./dom.js";
import {duration, number, percent, plural} from "./format.js";
import {Graph} from "./graph.js";
import {learnTarget, live, may, now, say, targetOf} from "./live.js";
import {empty, facts, notice, reachedLines, section, since, table, targetName, waiting} from "./parts.js";
import {bugLink, burntMs, failure, late, status} from "./targets.js";

const ENGINE_COLUMNS = [
	{id: "engine", label: "Engine", cell: ([name]) => name},
	{id: "rate", label: "Execs/s", num: true, cell: ([, e]) => number(e.per_second)},
	{id: "executions", label: "Executions", num: true, cell: ([, e]) => number(e.executions)},
	{id: "core", label: "Core time", num: true, cell: ([, e]) => duration(e.core_ms)},
	{id: "received", label: "Received", num: true, title: "units that another engine found, given to it",
		cell: ([, e]) => number(e.received)},
	{id: "kept", label: "Kept", num: true, title: "of those: new to it, too",
		cell: ([, e]) => [number(e.kept), e.received > 0 && h("small", null, percent(e.kept, e.received))]},
	{id: "stability", label: "Stability", num: true,
		cell: ([, e]) => e.stability === null || e.stability === undefined ? "–" : percent(e.stability, 100)},
];

function engines(t)
{
	const rows = Object.entries(t.engines || {});

	return section("engines", "Engines", rows.length ? table({
		caption: "What each engine did", columns: ENGINE_COLUMNS, rows, key: ([name]) => name,
	}) : empty("No engine has worked on it yet."));
}

const JUDGE_COLUMNS = [
	{id: "flavour", label: "Flavour", cell: ([name]) => name},
	{id: "waiting", label: "Units waiting", num: true, cell: ([, j]) => number(j.waiting)},
	{id: "oldest", label: "The oldest", num: true, title: "how long it has waited",
		cell: ([, j]) => j.oldest_ms > 0 ? duration(j.oldest_ms) : "–"},
	{id: "delay", label: "Longest wait", num: true, title: "of the last hour",
		cell: ([, j]) => duration(j.delay_ms)},
	{id: "missed", label: "Late", num: true, title: "units that waited too long, since this farm began",
		cell: ([, j]) => number(j.missed)},
	{id: "why", label: "Why", class: "prose", cell: ([, j]) => j.why || ""},
];

function judges(t)
{
	const rows = Object.entries(t.judging || {});

	return section("judging", "Sanitizers", rows.length ? table({
		caption: "What waits to be seen under each sanitizer", columns: JUDGE_COLUMNS, rows,
		key: ([name]) => name,
	}) : empty("Its adapter has no flavour with a sanitizer."));
}

const factsOf = (t) => facts([
	["Status", status(t.status)],
	["Execs/s", number(t.per_second), "of the engines that run now"],
	["Executions", number(t.executions)],
	["Core time", duration(t.core_ms)],
	["Features", number(t.features)],
	["Units", number(t.units)],
	["Lines", reachedLines(t.coverage), "of its program that can be executed: how many its corpus reaches"],
	["Stability", t.stability === null ? "–" : percent(t.stability, 100)],
	["Crashes", number(t.crashes)],
	["Open bugs", bugLink(t)],
	["Their CPU", burntMs(t) > 0 ? duration(burntMs(t)) : "–",
		"core time that triage and engines have lost to bugs"],
	["Last find", since(t.found_ms)],
]);

/* The farm's history is written now and then; this moment belongs to it, too. */
function withNow(points, t)
{
	const {executions, features, units, per_second} = t;

	return [...points, {at_ms: now(), executions, features, units, per_second}];
}

export function targetPage(ctx)
{
	const id = Number(ctx.params[0]);
	const graphs = [
		new Graph("graph-features", "Features", (p) => p.features),
		new Graph("graph-units", "Units", (p) => p.units),
		new Graph("graph-rate", "Execs/s", (p) => p.per_second),
	];
	let points = null, hasGraphs = true, isBusy = false;

	async function load()
	{
		try {
			points = (await get(`/targets/${id}/history`)).points;
			hasGraphs = true;
		} catch (e) {
			hasGraphs = hasGraphs && points !== null;
		}
		draw();
	}

	function draw()
	{
		const t = targetOf(id);

		if (!t || !points)
			return;
		const all = withNow(points, t);

		ctx.redraw();
		graphs.forEach((g) => g.draw(all).then(ctx.redraw, () => hasGraphs = false));
	}

	async function hold(t)
	{
		isBusy = true;
		ctx.redraw();
		try {
			learnTarget(await post(`/targets/${t.id}/${t.is_held ? "resume" : "hold"}`));
		} catch (e) {
			say(e.message);
		}
		isBusy = false;
		ctx.redraw();
	}

	const holdButton = (t) => may("triage") && h("button", {type: "button", disabled: isBusy,
		title: t.is_held ? "engines may start on it again" : "no engine starts on it until it is resumed",
		onclick: () => hold(targetOf(id))}, t.is_held ? "Resume" : "Hold");

	const history = setInterval(load, 60000);

	load();
	return {
		title: () => {
			const t = targetOf(id);

			return t ? `${t.adapter}/${t.target}` : `Target ${id}`;
		},
		view: () => {
			const t = targetOf(id);
			const trouble = t && failure(t), slow = t && late(t);

			if (!live.targets)
				return [h("h1", null, `Target ${id}`), waiting()];
			if (!t)
				return [h("h1", null, `Target ${id}`), empty("There is no such target. ",
					h("a", {href: "#/targets"}, "All targets"))];
			return [
				h("div", {class: "heading"}, h("h1", null, targetName(t.adapter, t.target)), holdButton(t)),
				t.is_held && notice("warn", "It is held: no engine starts on it until somebody resumes it."),
				trouble && notice("warn", h("p", {class: "trouble"}, trouble)),
				slow && notice("warn", h("p", {class: "trouble"}, slow)),
				factsOf(t),
				hasGraphs && section("growth", "Over time",
					points && points.length === 0 && empty("Its history begins within a minute."),
					h("div", {class: "graphs"}, graphs.map((g) => g.view()))),
				engines(t),
				judges(t),
				section("found", "Bugs", t.bugs > 0 ?
					h("p", null, h("a", {href: `#/bugs?adapter=${encodeURIComponent(t.adapter)}` +
						`&target=${encodeURIComponent(t.target)}`},
					`${plural(t.bugs, "bug")} of this target`), `, ${number(t.open_bugs)} of them open`) :
					empty("None so far.")),
			];
		},
		changed: (what) => what === "targets" && draw(),
		close: () => {
			clearInterval(history);
			graphs.forEach((g) => g.close());
		},
	};
}
