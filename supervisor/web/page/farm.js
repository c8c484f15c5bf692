/* Farm: what it does at this moment, and what for. */
import {h} from "./dom.js";
import {duration, number, percent, plural} from "./format.js";
import {live} from "./live.js";
import {badge, bar, code, empty, facts, lasting, notice, section, since, table,
	waiting} from "./parts.js";

export const NO_SANDBOX = "Jobs run without a sandbox (--no-sandbox): a target can read and change " +
	"what the farm's user can.";

const PHASES = {
	opening: ["opening", "warn", "fetches, builds and measures; fuzzing begins after that"],
	fuzzing: ["fuzzing", "good", "engines run"],
	draining: ["draining", "warn", "no new engine starts; what was found is still judged"],
	closed: ["closed", "bad", "nothing runs"],
};

const PURPOSES = {
	fuzz: "engines look for new features and crashes",
	reproduce: "a crash is run again in fresh processes",
	minimize: "a crashing input is made smaller",
	bisect: "staged pull requests are tried, to find the one at fault",
	symbolize: "reports get names for their addresses",
	fetch: "sources are fetched",
	build: "snapshots are built",
	measure: "new units are run once on the reference build",
	replay: "new units are run under each sanitizer",
	distil: "the corpus is made smaller",
	cover: "lines that the corpora reach are counted",
};

export function phase(word)
{
	const [text, kind, title] = PHASES[word] || [word, "plain", ""];

	return badge(text, kind, title);
}

function factsOf(farm)
{
	return facts([
		["Phase", phase(farm.phase)],
		["Running for", duration(farm.elapsed_ms), "time since fuzzing began"],
		farm.left_ms !== null && ["Left", duration(farm.left_ms)],
		["Engines", `${number(farm.engines)} on ${plural(farm.slots.length, "slot")}`],
		["New bugs", h("a", {href: "#/bugs"}, number(farm.new_bugs)), "since this farm began"],
		["Builds", `${number(farm.builds_made)} made, ${number(farm.builds_cached)} cached`],
		["Sandbox", farm.sandbox ? badge("on", "good") :
			badge("off", "bad", "the farm was started with --no-sandbox")],
		["Version", farm.version],
	]);
}

/* A slot carries an engine and, before it, at most one job that ends soon. */
function works(farm)
{
	return farm.slots.flatMap((s) => {
		const both = [s.front, s.engine].filter(Boolean);

		return (both.length ? both : [null]).map((work, i) => ({slot: s.slot, part: i, work,
			of: both.length}));
	});
}

const SLOT_COLUMNS = [
	{id: "slot", label: "Slot", noun: "Slot", cell: (r) => [r.slot, r.part > 0 && h("small", {title: "it takes what the other job leaves"}, "behind")]},
	{id: "purpose", label: "Purpose", cell: (r) => r.work ?
		badge(r.work.purpose, "plain", PURPOSES[r.work.purpose]) : h("span", {class: "quiet"}, "idle")},
	{id: "for", label: "For", num: true, cell: (r) => r.work ? lasting(r.work.since_ms) : ""},
	{id: "what", label: "What", class: "full", cell: (r) => r.work ? code(r.work.what) : ""},
	{id: "why", label: "Why", class: "prose", cell: (r) => r.work?.why || ""},
];

function slots(farm)
{
	return section("slots", "Slots", farm.slots.length ? table({
		caption: "What runs on each slot", columns: SLOT_COLUMNS, rows: works(farm),
		key: (r) => `${r.slot}.${r.part}`,
	}) : empty("This farm has no slots yet."));
}

function waits(farm)
{
	const list = [
		[farm.waiting, "job", "jobs", "for a slot"],
		[farm.judging, "crash", "crashes", "being reproduced and named"],
		[farm.pursuing, "bug", "bugs", "being minimized and attributed"],
		[farm.backlog, "crash", "crashes", "that look like known bugs, judged when there is time"],
	].filter(([n]) => n > 0);

	return section("waits", "What waits", list.length ?
		h("ul", {class: "plain"}, list.map(([n, one, many, what]) =>
			h("li", {key: what}, h("b", null, plural(n, one, many)), ` ${what}`))) :
		empty("Nothing waits: all that was found is judged."));
}

function coreTime(farm)
{
	const all = Object.entries(farm.core_ms).filter(([, ms]) => ms > 0)
		.sort((a, b) => b[1] - a[1]);
	const sum = all.reduce((n, [, ms]) => n + ms, 0);

	if (!all.length)
		return section("core", "Core time by purpose",
			empty("No job has ended yet; its core time is counted then."));
	return section("core", "Core time by purpose",
		h("p", {class: "quiet"}, `${duration(sum)} of jobs that have ended since this farm began`),
		h("table", {class: "bars"}, h("caption", {class: "unseen"}, "Core time by purpose"),
			h("thead", {class: "unseen"}, h("tr", null, ["Purpose", "", "Core time", "Share"]
				.map((t, i) => t ? h("th", {key: i, scope: "col"}, t) : h("td", {key: i})))),
			h("tbody", null, all.map(([purpose, ms]) => h("tr", {key: purpose},
				h("th", {scope: "row", title: PURPOSES[purpose]}, purpose),
				h("td", {class: "bar-cell"}, bar(ms, all[0][1])),
				h("td", {class: "num"}, duration(ms)),
				h("td", {class: "num"}, percent(ms, sum)))))));
}

function messages(farm)
{
	const list = [...farm.messages].reverse();

	return section("messages", "Last messages", list.length ?
		h("ol", {class: "messages"}, list.map((m) => h("li", {key: `${m.at_ms} ${m.text}`},
			since(m.at_ms), h("span", {class: "text"}, m.text)))) :
		empty("The farm has said nothing yet."));
}

export function farmPage()
{
	return {
		title: () => "Farm",
		view: () => {
			const farm = live.farm;

			if (!farm)
				return [h("h1", null, "Farm"), waiting()];
			return [
				h("h1", null, "Farm"),
				!farm.sandbox && notice("bad", NO_SANDBOX),
				factsOf(farm),
				h("div", {class: "columns"},
					h("div", {class: "wide"}, slots(farm), coreTime(farm)),
					h("div", null, waits(farm), messages(farm))),
			];
		},
	};
}
