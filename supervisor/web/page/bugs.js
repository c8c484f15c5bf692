/* Bugs: all of them, filtered. */
import {get, queryOf} from "./api.js";
import {h} from "./dom.js";
import {bytes, duration, number, plural} from "./format.js";
import {live, role} from "./live.js";
import {Order, badge, code, empty, input, notice, select, since, table, targetName,
	waiting} from "./parts.js";

const PAGE = 200;

export const STATES = {
	new: ["new", "warn", "found, and not yet minimized and attributed"],
	open: ["open", "plain", "minimized and attributed"],
	flaky: ["flaky", "plain", "it shows at times only"],
	fixed: ["fixed", "good", "it no longer shows on a newer snapshot, whose code its input still reaches"],
	regressed: ["regressed", "bad", "it was fixed and shows again"],
};

export const OUTCOMES = {
	staged: "proven: this pull request causes it",
	interaction: "proven: these pull requests cause it together, none of them alone",
	"pre-existing": "the base has it without any staged pull request",
	suspect: "not proven",
	flaky: "it shows too rarely or too irregularly to be attributed",
	infra: "our own machines failed, so nothing is known",
};

/* Nobody without a role is told what it is, and no answer says more than this. */
export const isHidden = (bug) => bug.type === null || bug.type === undefined;

/* "Heap-buffer-overflow\nREAD 4" in "fill_places". */
export const kindOf = (bug) => bug.type.split("\n")[0];

const commitName = (c) => `commit ${c.commit.slice(0, 12)}`;

/* Those at fault: pull requests, and commits that belong to none. */
export const culprits = (bug) => [...(bug.prs || []).map((n) =>
	h("a", {key: n, href: `#/prs?pr=${n}`}, `#${n}`)),
...(bug.commits || []).map((c) => h("span", {key: c.commit,
	title: `${c.commit}, which belongs to no pull request: ${c.subject}`}, commitName(c)))]
	.map((who, i) => [i ? " + " : "", who]);

export const pushed = (bug) => (bug.commits || []).map((c) => h("p", {key: c.commit},
	`${commitName(c)}, which belongs to no pull request: ${c.subject}`));

/* "41–100 %": bounds rounded away from the middle, as everywhere. */
export const interval = (bug) =>
	`${Math.floor(100 * bug.rate_low)}–${Math.ceil(100 * bug.rate_high)} %`;

export const state = (bug) => {
	const [word, kind, title] = STATES[bug.state] || [bug.state, "plain", ""];

	return [badge(word, kind, title), bug.decision && [" ", badge(bug.decision, "plain",
		"decided by hand")], bug.muted_ms && [" ", badge("muted", "plain",
		"sightings do not rewrite its issue")]];
};

/* CASR's class and reason. */
export const severity = (bug) => badge(bug.severity.toLowerCase().replace("_", " "),
	{EXPLOITABLE: "bad", PROBABLY_EXPLOITABLE: "warn"}[bug.severity] || "plain", bug.severity_reason);

function what(bug)
{
	if (isHidden(bug))
		return h("span", {class: "quiet"}, "private");
	return [kindOf(bug), bug.frames?.length > 0 && [" in ", code(bug.frames[0])],
		bug.severity && bug.severity !== "NOT_EXPLOITABLE" && [" ", severity(bug)],
		bug.remote && [" ", badge("remote", "bad", "strangers can send what ends the program")],
		bug.private && [" ", badge("private", "plain", "shown to you because of your token")]];
}

const cost = (b) => b.core_ms + b.burned_ms;

const COLUMNS = [
	{id: "id", label: "Bug", noun: "Bug", sort: (b) => b.id, cell: (b) =>
		h("a", {href: `#/bugs/${b.id}`}, number(b.id))},
	{id: "what", label: "What", class: "prose", cell: what,
		sort: (b) => isHidden(b) ? "" : `${b.type} ${b.frames?.[0]}`},
	{id: "target", label: "Target", sort: (b) => `${b.adapter}/${b.target}`,
		cell: (b) => targetName(b.adapter, b.target)},
	{id: "state", label: "State", sort: (b) => b.state, cell: state},
	{id: "outcome", label: "Attributed", sort: (b) => b.outcome || "", cell: (b) => b.outcome ?
		[h("span", {title: OUTCOMES[b.outcome]}, b.outcome), " ", culprits(b)] :
		h("span", {class: "quiet", title: b.waits}, b.waits ? "waits for room" : "not yet")},
	{id: "rate", label: "Rate", num: true, title: "how often its input shows it, in fresh processes, " +
		"and where its true rate lies with a confidence of 95 %",
		sort: (b) => b.runs ? b.hits / b.runs : 0,
		cell: (b) => b.runs ? [`${number(b.hits)}/${number(b.runs)}`,
			h("small", null, interval(b))] : "–"},
	{id: "size", label: "Input", num: true, title: "its best input", sort: (b) => b.input_size,
		cell: (b) => bytes(b.input_size)},
	{id: "sightings", label: "Seen", num: true, title: "crashes that are this bug",
		sort: (b) => b.sightings, cell: (b) => number(b.sightings)},
	{id: "core", label: "CPU", num: true, title: "core time that triage and engines have lost to it",
		sort: cost, cell: (b) => cost(b) > 0 ? duration(cost(b)) : "–"},
	{id: "found", label: "Found", num: true, sort: (b) => b.found_ms, cell: (b) => since(b.found_ms)},
];

export function tokenHint(text)
{
	return notice("plain", `${text} `, role() === "none" ?
		["Sign in with a token to see them; who runs the farm makes one with ",
			code("ironworks token create NAME --role read"), "."] : "");
}

function choices(values, any)
{
	return [["", any], ...[...new Set(values)].sort().map((v) => [v, v])];
}

export function bugsPage(ctx)
{
	const order = new Order(ctx.redraw, "id", true);
	const filter = {adapter: "", target: "", state: "", outcome: "", text: ""};
	let bugs = null, next = null, problem = "", pending = false, again = false;

	for (const name of Object.keys(filter))
		filter[name] = ctx.query.get(name) || "";

	const asked = () => ({adapter: filter.adapter, target: filter.target, state: filter.state,
		outcome: filter.outcome});

	/* As many as are shown already, so that a list that was prolonged stays long. */
	async function load()
	{
		if (pending) {
			again = true;
			return;
		}
		pending = true;
		try {
			const limit = Math.min(1000, Math.max(PAGE, bugs?.length || 0));
			const answer = await get(`/bugs${queryOf({...asked(), limit})}`);

			({bugs, next} = answer);
			problem = "";
		} catch (e) {
			problem = e.message;
			ctx.refused(e);
		}
		pending = false;
		ctx.redraw();
		if (again) {
			again = false;
			load();
		}
	}

	async function more()
	{
		try {
			const answer = await get(`/bugs${queryOf({...asked(), limit: PAGE, before: next})}`);

			bugs = [...bugs, ...answer.bugs];
			next = answer.next;
		} catch (e) {
			problem = e.message;
		}
		ctx.redraw();
	}

	function set(name, value)
	{
		filter[name] = value;
		ctx.keepQuery(filter);
		if (name === "text")
			ctx.redraw();
		else
			load();
	}

	const words = (b) => isHidden(b) ? "private" :
		`${b.type} ${(b.frames || []).join(" ")} ${(b.prs || []).map((n) => `#${n}`).join(" ")} ` +
		(b.commits || []).map((c) => `${c.commit} ${c.subject}`).join(" ");

	function form()
	{
		const targets = (live.targets || []);
		const mine = targets.filter((t) => !filter.adapter || t.adapter === filter.adapter);

		return h("div", {class: "filter", role: "search"},
			select("bug-adapter", "Adapter", choices([...targets.map((t) => t.adapter), filter.adapter]
				.filter(Boolean), "all"), filter.adapter, (v) => set("adapter", v)),
			select("bug-target", "Target", choices([...mine.map((t) => t.target), filter.target]
				.filter(Boolean), "all"), filter.target, (v) => set("target", v)),
			select("bug-state", "State", choices(Object.keys(STATES), "all"), filter.state,
				(v) => set("state", v)),
			select("bug-outcome", "Attributed", choices(Object.keys(OUTCOMES), "all"), filter.outcome,
				(v) => set("outcome", v)),
			input("bug-text", "Text", {type: "search", value: filter.text, placeholder: "type, function, #pr",
				oninput: (e) => set("text", e.target.value)}));
	}

	function list()
	{
		const rows = bugs.filter((b) => filter.text.toLowerCase().split(/\s+/)
			.every((w) => words(b).toLowerCase().includes(w)));
		const isFiltered = Object.values(filter).some(Boolean);

		if (!rows.length && isFiltered)
			return empty("No bug is like this. ", h("a", {href: "#/bugs"}, "Show all bugs"));
		if (!rows.length)
			return empty("No bugs so far. They appear here as soon as a crash has been reproduced.");
		return [
			rows.some(isHidden) && tokenHint("Some of these bugs are private: what they are is not " +
				"shown until a staged pull request is proven to be the cause."),
			table({caption: "Bugs", columns: COLUMNS, rows, order, key: (b) => b.id}),
			h("p", {class: "quiet"}, `${plural(rows.length, "bug")} shown. `,
				next !== null && h("button", {type: "button", onclick: more}, "Show older ones")),
		];
	}

	load();
	return {
		title: () => "Bugs",
		view: () => [h("h1", null, "Bugs"), form(), problem && notice("bad", problem),
			bugs ? list() : !problem && waiting()],
		changed: (what) => (what === "bugs" || what === "connected") && load(),
	};
}
