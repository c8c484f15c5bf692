/* Campaigns: targets with a budget, and what came of it. */
import {get, post} from "./api.js";
import {h} from "./dom.js";
import {duration, number, percent, plural} from "./format.js";
import {live, may} from "./live.js";
import {Order, badge, bar, empty, input, notice, section, since, table, targetName,
	waiting} from "./parts.js";

const STATES = {
	active: ["good", "its targets are fuzzed until the budget is used"],
	done: ["plain", "the budget is used"],
	stopped: ["warn", "somebody stopped it"],
};

const budget = (c) => h("div", {class: "budget"}, bar(c.used_core_ms, c.budget_core_ms), h("small", null,
	`${duration(c.used_core_ms)} of ${duration(c.budget_core_ms)}, ${percent(c.used_core_ms, c.budget_core_ms)}`));

const COLUMNS = [
	{id: "name", label: "Campaign", sort: (c) => c.name, cell: (c) => c.name},
	{id: "state", label: "State", sort: (c) => c.state,
		cell: (c) => badge(c.state, ...(STATES[c.state] || ["plain", ""]))},
	{id: "targets", label: "Targets", class: "prose", sort: (c) => c.targets.length, cell: (c) =>
		h("span", {title: c.targets.join("\n")}, c.targets.length > 3 ?
			plural(c.targets.length, "target") : c.targets.join(", "))},
	{id: "budget", label: "Budget used", class: "full", sort: (c) => c.used_core_ms / c.budget_core_ms, cell: budget},
	{id: "bugs", label: "New bugs", num: true, sort: (c) => c.outcome?.new_bugs,
		cell: (c) => number(c.outcome?.new_bugs)},
	{id: "features", label: "New features", num: true, sort: (c) => c.outcome?.new_features,
		cell: (c) => number(c.outcome?.new_features)},
	{id: "executions", label: "Executions", num: true, sort: (c) => c.outcome?.executions,
		cell: (c) => number(c.outcome?.executions)},
	{id: "began", label: "Began", num: true, sort: (c) => c.began_ms, cell: (c) => since(c.began_ms)},
	{id: "ended", label: "Ended", num: true, sort: (c) => c.ended_ms, cell: (c) => since(c.ended_ms)},
];

export function campaignsPage(ctx)
{
	const order = new Order(ctx.redraw, null);
	let campaigns = null, problem = "", said = "", isBusy = false, last = 0;

	async function load()
	{
		last = Date.now();
		try {
			campaigns = (await get("/campaigns")).campaigns;
			problem = "";
		} catch (e) {
			problem = e.message;
			ctx.refused(e);
		}
		ctx.redraw();
	}

	async function act(what)
	{
		isBusy = true;
		said = "";
		ctx.redraw();
		try {
			await what();
		} catch (e) {
			said = e.message;
		}
		isBusy = false;
		await load();
	}

	async function start(e)
	{
		const form = e.target;

		e.preventDefault();
		const targets = [...form.querySelectorAll("input[type=checkbox]:checked")].map((c) => c.value);

		if (!targets.length) {
			said = "Choose at least one target.";
			ctx.redraw();
			form.querySelector("input[type=checkbox]")?.focus();
			return;
		}
		await act(async () => {
			await post("/campaigns", {name: form.elements["campaign-name"].value.trim(), targets,
				budget_core_hours: Number(form.elements["campaign-hours"].value)});
			form.reset();
		});
	}

	const choice = (t) => h("label", {key: t.id, class: "choice"},
		h("input", {type: "checkbox", value: `${t.adapter}/${t.target}`}), targetName(t.adapter, t.target));

	const form = () => section("start", "Start one", h("form", {class: "start", onsubmit: start},
		h("div", {class: "filter"},
			input("campaign-name", "Name", {name: "campaign-name", required: true, maxlength: "80",
				autocomplete: "off"}),
			input("campaign-hours", "Budget in core-hours", {name: "campaign-hours", type: "number",
				required: true, min: "0.01", step: "any", inputmode: "decimal"})),
		h("fieldset", null, h("legend", null, "Targets"), (live.targets || []).map(choice)),
		h("p", {class: "said", role: "alert"}, said),
		h("button", {type: "submit", class: "main", disabled: isBusy}, "Start the campaign")));

	function list()
	{
		const stop = {id: "stop", label: "Stop", cell: (c) => c.state === "active" ?
			h("button", {type: "button", "aria-label": `Stop ${c.name}`,
				onclick: () => act(() => post(`/campaigns/${c.id}/stop`))}, "Stop") : ""};

		if (!campaigns.length)
			return empty("No campaign so far. One gives some targets a budget in core-hours and records " +
				"what came of it. ", may("triage") ? "Start one below." :
				"To start one, sign in with a token of the role triage.");
		return table({caption: "Campaigns", columns: may("triage") ? [...COLUMNS, stop] : COLUMNS,
			rows: campaigns, order, key: (c) => c.id, stamp: (c) => JSON.stringify([c, may("triage")])});
	}

	load();
	return {
		title: () => "Campaigns",
		view: () => [h("h1", null, "Campaigns"), problem && notice("bad", problem),
			campaigns ? [list(), may("triage") && form()] : !problem && waiting()],
		changed: (what) => (what === "connected" ||
			what === "targets" && Date.now() - last > 5000) && load(),
	};
}
