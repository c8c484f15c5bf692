/* Staged pull requests: what each has been fuzzed for. */
import {get} from "./api.js";
import {h} from "./dom.js";
import {duration, number} from "./format.js";
import {Order, badge, code, empty, notice, reachedLines, reachedShare, since, table, waiting} from "./parts.js";

/* Of a pull request. */
const GAPS_SHOWN = 12;

const bugLinks = (pr) => pr.bugs.length ? pr.bugs.map((id, i) => [i ? ", " : "",
	h("a", {key: id, href: `#/bugs/${id}`}, number(id))]) : "none";

const place = (g) => `${g.path}:${g.first}${g.last > g.first ? `–${g.last}` : ""}`;

/* Who reviews it sees first what no engine has got to. */
function notReached(pr)
{
	const gaps = pr.coverage?.gaps || [], shown = gaps.slice(0, GAPS_SHOWN);

	return gaps.length > 0 && [
		h("b", null, "Nothing reaches "),
		shown.map((g, i) => [i ? ", " : "", code(place(g))]),
		gaps.length > shown.length && ` and ${number(gaps.length - shown.length)} more`,
	];
}

const COLUMNS = [
	{id: "pr", label: "Pull request", sort: (p) => p.pr, cell: (p) => `#${p.pr}`},
	{id: "title", label: "Title", sort: (p) => p.title || "", cell: (p) => p.title || "–"},
	{id: "changed", label: "Changes", num: true, sort: (p) => p.changed.added + p.changed.removed,
		title: "lines added and removed, in so many functions",
		cell: (p) => `+${number(p.changed.added)} −${number(p.changed.removed)} in ${number(p.changed.functions)}`},
	{id: "near", label: "Targets", num: true, title: "whose corpus reaches what it changes",
		sort: (p) => p.targets.length, cell: (p) => h("span",
			{title: p.targets.map((t) => t.target).join(", ")}, number(p.targets.length))},
	{id: "adapter", label: "Adapter", sort: (p) => p.adapter, cell: (p) => p.adapter},
	{id: "current", label: "Staged", sort: (p) => Number(p.is_current), cell: (p) => p.is_current ?
		badge("now", "good", "it is in the snapshot that is fuzzed") :
		badge("no more", "plain", "it is not in the snapshot that is fuzzed now")},
	{id: "head", label: "Head", cell: (p) => h("span", {title: [p.head_ref, p.head].filter(Boolean).join(" ")},
		code((p.head || "–").slice(0, 12)))},
	{id: "merge", label: "Merge", cell: (p) => h("span", {title: p.merge}, code((p.merge || "–").slice(0, 12)))},
	{id: "promoted", label: "Promoted", num: true, sort: (p) => p.promoted_ms,
		cell: (p) => since(p.promoted_ms)},
	{id: "since", label: "Fuzzed since", num: true, title: "when it was first in a snapshot",
		sort: (p) => p.since_ms, cell: (p) => since(p.since_ms)},
	{id: "core", label: "Core time", num: true, title: "fuzzing with it in the tree",
		sort: (p) => p.core_ms, cell: (p) => duration(p.core_ms)},
	{id: "executions", label: "Executions", num: true, title: "with it in the tree",
		sort: (p) => p.executions, cell: (p) => number(p.executions)},
	{id: "lines", label: "Its lines", num: true, sort: (p) => reachedShare(p.coverage),
		title: "of its own that can be executed: how many some corpus reaches",
		cell: (p) => p.coverage?.lines === 0 ? "none" : reachedLines(p.coverage)},
	{id: "bugs", label: "Its bugs", sort: (p) => p.bugs.length, cell: bugLinks},
];

export function prsPage(ctx)
{
	const order = new Order(ctx.redraw, null);
	const wanted = Number(ctx.query.get("pr")) || 0;
	let prs = null, problem = "", last = 0;

	async function load()
	{
		last = Date.now();
		try {
			prs = (await get("/prs")).prs;
			problem = "";
		} catch (e) {
			problem = e.message;
			ctx.refused(e);
		}
		ctx.redraw();
	}

	function list()
	{
		const rows = wanted ? prs.filter((p) => p.pr === wanted) : prs;

		if (!prs.length)
			return empty("Nothing is staged. Pull requests appear here when an adapter's branch has " +
				"merges that promote them.");
		return [
			wanted > 0 && h("p", {class: "quiet"}, `Only #${wanted}. `, h("a", {href: "#/prs"}, "Show all")),
			rows.length ? table({caption: "Staged pull requests", columns: COLUMNS, rows, order,
				key: (p) => `${p.adapter} ${p.pr} ${p.merge}`, below: notReached}) :
				empty(`Pull request #${wanted} has never been staged here.`),
		];
	}

	load();
	return {
		title: () => "Staged PRs",
		view: () => [h("h1", null, "Staged PRs"), problem && notice("bad", problem),
			prs ? list() : !problem && waiting()],
		/* Its numbers grow with those of the targets. */
		changed: (what) => (what === "connected" || what === "bugs" ||
			what === "targets" && Date.now() - last > 5000) && load(),
	};
}
