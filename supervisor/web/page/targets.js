/* Targets: all of them in one table. */
import {h} from "./dom.js";
import {duration, number, percent, plural} from "./format.js";
import {live} from "./live.js";
import {Order, badge, empty, input, notice, reachedLines, reachedShare, since, table, targetName, waiting} from "./parts.js";

const STATUS = {
	broken: ["bad", "it cannot be fuzzed; the messages of the farm say why"],
	offline: ["bad", "its adapter is not loaded by this farm"],
	held: ["warn", "somebody holds it: no engine starts on it"],
	opening: ["warn", "it is being built and measured"],
	idle: ["plain", "no engine runs on it at this moment"],
};

export function status(word)
{
	const [kind, title] = STATUS[word] || ["good", "an engine runs on this build of it"];

	return badge(word, kind, title);
}

/* What hostile and broken targets did, in the farm's words. */
export function failure(t)
{
	return t.failures > 0 && [
		h("b", null, `${plural(t.failures, "engine")} did not work`),
		t.failure && [`, the last ${t.failure} `, h("span", {class: "quiet"}, since(t.failed_ms))],
	];
}

/* Units that some sanitizer should have seen by now. */
export function late(t)
{
	const [flavour, judge] = Object.entries(t.judging || {}).find(([, j]) => j.late > 0) || [];

	return judge && [h("b", null, `${plural(judge.late, "unit")} waited too long to be seen under ${flavour}`),
		judge.why && `: ${judge.why}`];
}

const trouble = (t) => {
	const broken = failure(t), slow = late(t);

	return broken && slow ? [broken, "; ", slow] : broken || slow;
};

const oldest = (t) => Math.max(0, ...Object.values(t.judging || {}).map((j) => j.oldest_ms));

const grown = (t) => t.features - t.features_start;

/* A small farm's core time is spent on bugs when a crash ends an engine again and again. */
export const burntMs = (t) => t.bug_core_ms + t.burned_ms;
const burnt = (t) => burntMs(t) > 0 ?
	[duration(burntMs(t)), h("small", null, percent(burntMs(t), t.core_ms))] : "–";

export const bugLink = (t) => t.open_bugs > 0 ?
	h("a", {href: `#/bugs?adapter=${encodeURIComponent(t.adapter)}` +
		`&target=${encodeURIComponent(t.target)}`}, number(t.open_bugs)) : "0";

const COLUMNS = [
	{id: "target", label: "Target", sort: (t) => `${t.adapter}/${t.target}`,
		cell: (t) => h("a", {href: `#/targets/${t.id}`}, targetName(t.adapter, t.target))},
	{id: "status", label: "Status", sort: (t) => t.status, cell: (t) => status(t.status)},
	{id: "rate", label: "Execs/s", num: true, sort: (t) => t.per_second,
		cell: (t) => number(t.per_second)},
	{id: "executions", label: "Executions", num: true, sort: (t) => t.executions,
		cell: (t) => number(t.executions)},
	{id: "core", label: "Core time", num: true, sort: (t) => t.core_ms,
		cell: (t) => duration(t.core_ms)},
	{id: "features", label: "Features", num: true, sort: (t) => t.features,
		title: "edges and how often they are taken, on the reference build; new ones since this farm began",
		cell: (t) => [number(t.features), grown(t) > 0 && h("small", null, `+${number(grown(t))}`)]},
	{id: "units", label: "Units", num: true, sort: (t) => t.units, cell: (t) => number(t.units)},
	{id: "coverage", label: "Lines", num: true, sort: (t) => reachedShare(t.coverage),
		title: "of its program that can be executed: how many its corpus reaches",
		cell: (t) => reachedLines(t.coverage)},
	{id: "stability", label: "Stability", num: true, sort: (t) => t.stability,
		title: "how much of the target does the same for the same input",
		cell: (t) => t.stability === null ? "–" : percent(t.stability, 100)},
	{id: "crashes", label: "Crashes", num: true, sort: (t) => t.crashes,
		cell: (t) => number(t.crashes)},
	{id: "bugs", label: "Open bugs", num: true, sort: (t) => t.open_bugs, cell: bugLink},
	{id: "burnt", label: "Their CPU", num: true, sort: burntMs,
		title: "core time that triage and engines have lost to bugs, as a share of the target's", cell: burnt},
	{id: "found", label: "Last find", num: true, sort: (t) => t.found_ms,
		title: "when it last showed a new feature", cell: (t) => since(t.found_ms)},
	{id: "unseen", label: "Unseen", num: true, sort: oldest,
		title: "how long the oldest unit has waited to be seen under every sanitizer",
		cell: (t) => oldest(t) > 0 ? duration(oldest(t)) : "–"},
];

export function targetsPage(ctx)
{
	const order = new Order(ctx.redraw, "target");
	let wanted = "";

	function list(targets)
	{
		const words = wanted.toLowerCase().split(/\s+/);
		const rows = targets.filter((t) => words.every((w) =>
			`${t.adapter}/${t.target} ${t.status}`.toLowerCase().includes(w)));

		return [
			h("div", {class: "filter"},
				input("target-text", "Find", {type: "search", value: wanted,
					placeholder: "name or status",
					oninput: (e) => {
						wanted = e.target.value;
						ctx.redraw();
					}}),
				h("output", {for: "target-text"}, rows.length === targets.length ?
					plural(targets.length, "target") :
					`${number(rows.length)} of ${plural(targets.length, "target")}`)),
			rows.length ? table({caption: "Targets", columns: COLUMNS, rows, order,
				key: (t) => t.id, below: trouble}) :
				empty("No target is called so. Clear the filter to see all."),
		];
	}

	return {
		title: () => "Targets",
		view: () => {
			const targets = live.targets;

			if (!targets)
				return [h("h1", null, "Targets"), waiting()];
			if (!targets.length)
				return [h("h1", null, "Targets"), notice("plain", "No target is known yet. They appear " +
					"when an adapter's snapshot has been fetched and built; the farm's messages " +
					"say how far that is.")];
			return [h("h1", null, "Targets"), list(targets)];
		},
	};
}
