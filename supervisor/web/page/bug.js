/* One bug: what it is, who did it and how that was proven, how to see it. */
import {get, post, request, token} from "./api.js";
import {h} from "./dom.js";
import {bytes, duration, number, plural} from "./format.js";
import {may, say} from "./live.js";
import {OUTCOMES, interval, isHidden, kindOf, culprits, pushed, severity, state, tokenHint} from "./bugs.js";
import {badge, code, command, empty, facts, notice, section, since, table, targetName,
	waiting} from "./parts.js";

const SIGHTINGS = 50;

function heading(bug)
{
	if (isHidden(bug))
		return `Bug ${number(bug.id)}: private`;
	return [`Bug ${number(bug.id)}: ${kindOf(bug)}`,
		bug.frames?.length > 0 && [" in ", code(bug.frames[0])]];
}

function tested(bug)
{
	if (!bug.tested_runs)
		return "cannot be tested there";
	return [`${bug.tested_hits ? "still shows" : "no longer shows"}, ` +
		`${number(bug.tested_hits)} of ${plural(bug.tested_runs, "run")}, `,
	bug.tested_reach === true && "its input still reaches the code that failed, ",
	bug.tested_reach === false && "but its input no longer reaches the code that failed, ",
	since(bug.tested_ms)];
}

function decided(bug)
{
	return [bug.decision, bug.decision_by && ` by ${bug.decision_by}`,
		bug.decision && [", ", since(bug.decision_ms)], bug.decision && bug.muted_ms && ", ",
		bug.muted_ms && "muted"];
}

/* What a person may say about it, and what comes of that. */
const VERBS = [
	["wontfix", "Won’t fix", "it is still seen and counted, but its issue is not rewritten any more"],
	["expected", "Expected", "it is meant to be like that; its issue is not rewritten any more"],
	["close", "Close", "it is done; when it shows on another snapshot it is reopened"],
	["mute", "Mute", "sightings do not rewrite its issue any more"],
	["reopen", "Reopen", "undo what was decided"],
];

const factsOf = (bug) => facts([
	["State", state(bug)],
	(bug.decision || bug.muted_ms) && ["Decided", decided(bug), bug.decision_why],
	["Target", targetName(bug.adapter, bug.target)],
	["Reproduces", bug.runs ? `${number(bug.hits)} of ${plural(bug.runs, "run")} ` +
		`(${interval(bug)})` : "–",
	"its best input, in fresh processes; its true rate lies there with a confidence of 95 %"],
	bug.tested_tree && ["Newest snapshot", tested(bug),
		"the same input, run again when the branch moved"],
	bug.state === "fixed" && bug.mend?.reason && ["Mended", bug.mend.reason],
	bug.state === "regressed" && bug.mend?.back && ["Brought back", bug.mend.back.reason],
	["Input", bug.first_size > bug.input_size ?
		`${bytes(bug.input_size)}, was ${bytes(bug.first_size)}` : bytes(bug.input_size)],
	!isHidden(bug) && !bug.severity && ["Security", bug.security ? badge("relevant", "bad") : "not relevant"],
	bug.severity && ["Severity", [severity(bug), ` ${bug.severity_reason}`]],
	bug.severity && ["Remote crash", bug.remote ? badge("yes", "bad") : "no",
		"it ends the program, and its target's input comes from the network"],
	["Private", bug.private ? badge("yes", "warn") : "no",
		"private until one staged pull request is proven to be the cause, by itself"],
	["Seen", plural(bug.sightings, "time")],
	["CPU", bug.core_ms > 0 ? duration(bug.core_ms) : "–", "core time of triage for it"],
	["Engines lost", bug.burned_ms > 0 ? `${duration(bug.burned_ms)}, ` +
		`${plural(bug.swallowed, "unit")} gone past` : "–",
		"core time of engines that ended in it: units that crashed there, and starting again"],
	["Found", since(bug.found_ms)],
	["Changed", since(bug.changed_ms)],
	["Judged on", code(bug.flavour)],
	["Build", bug.closure ? code(bug.closure.slice(0, 12)) : "–", bug.closure],
]);

/* What is done for it just now. */
function now(proof)
{
	const {doing, what} = proof.now;

	if (!what)
		return "Now it looks for another input of it that needs fewer pull requests.";
	return doing === "builds" ? `Now it builds ${what}.` : `Now it runs the bug’s input on ${what}.`;
}

const steps = (log) => h("ol", {class: "steps"}, log.map((line, i) => h("li", {key: i}, line)));

function attribution(bug)
{
	const proof = bug.proof;
	const isProven = bug.outcome === "staged" || bug.outcome === "interaction";

	if (bug.waits && !bug.outcome)
		return section("cause", "Cause", empty(`Not attributed yet, it waits: ${bug.waits}.`));
	if (!bug.outcome)
		return section("cause", "Cause", empty("Not attributed yet. The staged pull requests are tried " +
			"one after the other when a slot is free; this page says when that is done."),
		proof?.now && h("p", null, now(proof)),
		proof?.log?.length > 0 && [h("h3", null, "So far"), steps(proof.log)]);
	return section("cause", "Cause",
		h("p", null, h("b", null, bug.outcome), `: ${OUTCOMES[bug.outcome] || ""}`),
		(bug.prs?.length > 0 || bug.commits?.length > 0) &&
			h("p", null, isProven ? "At fault: " : "In question: ", culprits(bug)),
		pushed(bug),
		proof?.reason && h("p", null, proof.reason),
		proof?.log?.length > 0 && [h("h3", null, "How that was found"), steps(proof.log),
			proof.builds !== undefined && h("p", {class: "quiet"},
				`${plural(proof.builds, "tree")} tried, ${plural(proof.runs, "run")} in all`)]);
}

/* A link cannot carry a token, so whoever has one is given the file by us. */
async function download(e, bug)
{
	if (!token.get())
		return;
	e.preventDefault();
	try {
		const blob = await (await request(`/bugs/${bug.id}/input`)).blob();
		const a = document.createElement("a");

		a.href = URL.createObjectURL(blob);
		a.download = `bug-${bug.id}-${(bug.input || "input").slice(0, 12)}`;
		a.click();
		setTimeout(() => URL.revokeObjectURL(a.href), 60000);
	} catch (error) {
		say(error.message);
	}
}

const CRASH_COLUMNS = [
	{id: "id", label: "Crash", noun: "Crash", cell: (c) => number(c.id)},
	{id: "target", label: "Target", cell: (c) => targetName(c.adapter, c.target)},
	{id: "kind", label: "Kind", cell: (c) => c.kind},
	{id: "flavour", label: "Found on", cell: (c) => code(c.flavour)},
	{id: "state", label: "State", cell: (c) => h("span", {title: c.why || ""}, c.state)},
	{id: "rate", label: "Rate", num: true,
		cell: (c) => c.runs ? `${number(c.hits)}/${number(c.runs)}` : "–"},
	{id: "size", label: "Input", num: true, cell: (c) => bytes(c.size)},
	{id: "found", label: "Found", num: true, cell: (c) => since(c.found_ms)},
];

export function bugPage(ctx)
{
	const id = Number(ctx.params[0]);
	let bug = null, crashes = null, moreCrashes = false, problem = "", issue = null, isBusy = false;

	async function load()
	{
		try {
			bug = await get(`/bugs/${id}`);
			problem = "";
		} catch (e) {
			problem = e.status === 404 ? `There is no bug ${id}.` : e.message;
		}
		ctx.redraw();
		try {
			const answer = await get(`/crashes?bug=${id}&limit=${SIGHTINGS}`);

			crashes = answer.crashes;
			moreCrashes = answer.next !== null && answer.next !== undefined;
		} catch {
			crashes = null;
		}
		ctx.redraw();
	}

	async function decide(verb)
	{
		const field = document.getElementById("bug-why");
		const why = field.value.trim();

		isBusy = true;
		ctx.redraw();
		try {
			bug = await post(`/bugs/${id}/${verb}`, why ? {why} : {});
			field.value = "";
		} catch (error) {
			say(error.message);
		}
		isBusy = false;
		ctx.redraw();
	}

	const decision = () => may("triage") && section("decision", "Decide",
		h("p", null, h("label", {for: "bug-why"}, "Why "),
			h("input", {id: "bug-why", type: "text", maxlength: "200", autocomplete: "off"})),
		h("p", null, VERBS.filter(([verb]) => verb !== "reopen" || bug.decision || bug.muted_ms)
			.map(([verb, label, title]) => h("button", {key: verb, type: "button", title,
				disabled: isBusy, onclick: () => decide(verb)}, label))));

	async function showIssue(e)
	{
		e.preventDefault();
		if (issue !== null) {
			issue = null;
			ctx.redraw();
			return;
		}
		try {
			issue = await (await request(`/bugs/${id}/issue`)).text();
		} catch (error) {
			say(error.message);
		}
		ctx.redraw();
	}

	const documents = () => !isHidden(bug) && section("documents", "Issue and input",
		h("ul", {class: "plain"},
			h("li", {key: "issue"}, bug.issue ? [
				h("button", {type: "button", "aria-expanded": String(issue !== null), onclick: showIssue},
					issue === null ? "Show the issue" : "Hide the issue"), " ",
				h("span", {class: "quiet"}, code(bug.issue))] :
				h("span", {class: "quiet"}, "The issue is written when the bug is attributed.")),
			h("li", {key: "input"}, h("a", {href: `/api/v1/bugs/${id}/input`, download: `bug-${id}`,
				onclick: (e) => download(e, bug)}, `Download the input (${bytes(bug.input_size)})`), " ",
			bug.input && h("span", {class: "quiet", title: "SHA-256"}, code(bug.input)))),
		issue !== null && h("pre", {class: "issue", tabindex: "0", "aria-label": "Text of the issue"}, issue));

	const frames = () => bug.frames?.length > 0 && section("frames", "Where",
		h("ol", {class: "frames", start: "0"}, bug.frames.map((f, i) => h("li", {key: i}, code(f)))));

	const commands = () => bug.commands?.length > 0 && section("commands", "See it yourself",
		bug.commands.map(command));

	const timeline = () => bug.timeline?.length > 0 && section("timeline", "Timeline",
		h("ol", {class: "messages"}, bug.timeline.map((t, i) => h("li", {key: i}, since(t.at_ms),
			h("span", {class: "text"}, h("b", null, t.what), t.text && ` ${t.text}`,
			t.by && ` (${t.by}${t.why ? `: ${t.why}` : ""})`)))));

	const sightings = () => crashes?.length > 0 && section("crashes", "Crashes",
		table({caption: "Crashes of this bug", columns: CRASH_COLUMNS, rows: crashes, key: (c) => c.id}),
		moreCrashes && h("p", {class: "quiet"}, `The newest ${SIGHTINGS} of ${number(bug.sightings)}.`));

	load();
	return {
		title: () => bug && !isHidden(bug) ? `Bug ${id}: ${kindOf(bug)}` : `Bug ${id}`,
		parent: "Bugs",
		view: () => {
			if (problem)
				return [h("h1", null, `Bug ${id}`), notice("bad", problem, " ",
					h("a", {href: "#/bugs"}, "All bugs"))];
			if (!bug)
				return [h("h1", null, `Bug ${id}`), waiting()];
			return [
				h("h1", null, heading(bug)),
				isHidden(bug) && tokenHint("This bug is private: its type, frames, input and proof are " +
					"not public until a staged pull request is proven to be the cause."),
				factsOf(bug),
				h("div", {class: "columns"},
					h("div", {class: "wide"}, attribution(bug), commands(), documents(),
						sightings()),
					h("div", null, decision(), frames(), timeline())),
			];
		},
		changed: (what, data) => (what === "connected" ||
			what === "bugs" && data.ids.includes(id)) && load(),
	};
}
