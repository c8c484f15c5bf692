/* What several pages show: tables, facts, times, notices, commands to copy. */
import {h, lazy} from "./dom.js";
import {absolute, ago, duration, number, percent} from "./format.js";
import {now} from "./live.js";

/* -- times: they go on by themselves, see tickTimes() -- */

function time(ms, kind, text)
{
	return h("time", {datetime: new Date(ms).toISOString(), title: absolute(ms),
		"data-ms": ms, "data-kind": kind}, text);
}

/* "3 min ago"; nothing known is a dash. */
export const since = (ms) => ms ? time(ms, "ago", ago(now() - ms)) : "–";
/* "3 min 20 s", and counting. */
export const lasting = (ms) => time(ms, "for", duration(now() - ms));

export function tickTimes()
{
	for (const el of document.querySelectorAll("time[data-ms]")) {
		const age = now() - Number(el.dataset.ms);
		const text = el.dataset.kind === "ago" ? ago(age) : duration(age);

		if (el.firstChild && el.firstChild.nodeValue !== text)
			el.firstChild.nodeValue = text;
	}
}

/* -- small things -- */

/* Words of a target, a branch or a stranger. */
export const code = (text) => h("code", null, text);

export const targetName = (adapter, target) => code(`${adapter}/${target}`);

/* kind: "good", "warn", "bad", "plain". The word says it, the colour repeats it. */
export const badge = (word, kind = "plain", title) =>
	h("span", {class: `badge ${kind}`, title}, word);

export const notice = (kind, ...children) => h("div", {class: `notice ${kind}`}, ...children);

export const empty = (...children) => h("p", {class: "empty"}, ...children);

export const waiting = () => empty("Asking the farm…");

/* [[name, value, title]…] in a row; nothing is left out. */
export function facts(list)
{
	return h("dl", {class: "facts"}, list.filter(Boolean).map(([name, value, title]) =>
		h("div", {key: name, title}, h("dt", null, name), h("dd", null, value))));
}

export function section(id, heading, ...children)
{
	return h("section", {key: id, "aria-labelledby": id},
		h("h2", {id}, heading), ...children);
}

/* A share of something as a bar; the number stands beside it. */
export function bar(part, whole)
{
	const share = whole > 0 ? Math.min(1, part / whole) : 0;

	return h("span", {class: "bar", "aria-hidden": "true"},
		h("span", {style: {width: `${(100 * share).toFixed(1)}%`}}));
}

/* Of lines that can be executed: {lines, lines_reached, at_ms}, or null. */
export const reachedShare = (c) => c && c.lines > 0 ? c.lines_reached / c.lines : null;

export const reachedLines = (c) => !c ? "–" : h("span", {title: `looked at ${absolute(c.at_ms)}`},
	percent(c.lines_reached, c.lines),
	h("small", null, `${number(c.lines_reached)} of ${number(c.lines)}`));

async function copy(button, text)
{
	try {
		await navigator.clipboard.writeText(text);
		button.textContent = "Copied";
	} catch {
		getSelection().selectAllChildren(button.previousElementSibling);
		button.textContent = "Selected";
	}
	setTimeout(() => button.textContent = "Copy", 2000);
}

export function command(text)
{
	return h("div", {class: "command", key: text}, code(text),
		h("button", {type: "button", "aria-label": `Copy: ${text}`,
			onclick: (e) => copy(e.currentTarget, text)}, "Copy"));
}

/* -- forms -- */

/* choices: [[value, text]…] */
export function select(id, label, choices, value, onchange)
{
	return h("div", {class: "field"}, h("label", {for: id}, label),
		h("select", {id, value, onchange: (e) => onchange(e.target.value)},
			choices.map(([v, text]) => h("option", {key: v, value: v}, text))));
}

export function input(id, label, props)
{
	return h("div", {class: "field"}, h("label", {for: id}, label), h("input", {id, ...props}));
}

/* -- tables -- */

/* Which way a table is ordered; a page keeps one for each of its tables. */
export class Order {
	constructor(redraw, column, isDown = false)
	{
		Object.assign(this, {redraw, column, isDown});
	}

	by(column)
	{
		this.isDown = Boolean(column?.num);
		this.column = column?.id;
		this.redraw();
	}

	press(column)
	{
		if (this.column !== column.id) {
			this.by(column);
			return;
		}
		this.isDown = !this.isDown;
		this.redraw();
	}

	apply(columns, rows)
	{
		const by = columns.find((c) => c.id === this.column)?.sort;

		if (!by)
			return rows;
		const sign = this.isDown ? -1 : 1;

		return [...rows].sort((a, b) => {
			const x = by(a) ?? -Infinity, y = by(b) ?? -Infinity;

			return sign * (typeof x === "string" && typeof y === "string" ?
				x.localeCompare(y, "en", {numeric: true}) : x < y ? -1 : x > y ? 1 : 0);
		});
	}
}

function head(column, order)
{
	const props = {scope: "col", class: column.num ? "num" : null, title: column.title};

	if (!order || !column.sort)
		return h("th", {...props, key: column.id}, column.label);
	const isBy = order.column === column.id;

	return h("th", {...props, key: column.id,
		"aria-sort": isBy ? (order.isDown ? "descending" : "ascending") : null},
	h("button", {type: "button", class: "sort", onclick: () => order.press(column)},
		column.label, h("span", {class: "arrow", "aria-hidden": "true"},
			isBy ? (order.isDown ? "▼" : "▲") : "")));
}

/* Cards have no head to press. */
function sorter(caption, columns, order)
{
	const id = `order-${caption.replaceAll(" ", "-")}`;
	const sortable = columns.filter((c) => c.sort);

	return h("div", {class: "sorter"},
		select(id, "Order by", [...(order.column ? [] : [["", "as it comes"]]),
			...sortable.map((c) => [c.id, c.label])], order.column || "",
		(value) => order.by(sortable.find((c) => c.id === value))),
		order.column && h("button", {type: "button", onclick: () =>
			order.press(sortable.find((c) => c.id === order.column))},
		order.isDown ? "Descending" : "Ascending"));
}

function cells(columns, row)
{
	return columns.map((c, i) => h(i ? "td" : "th", {
		key: c.id, scope: i ? null : "row", "data-label": i ? c.label : null, "data-noun": c.noun,
		class: [c.num && "num", c.class].filter(Boolean).join(" ") || null,
	}, c.cell(row)));
}

/* columns: {id, label, cell(row), num, sort(row), title, class, noun}, the first names the row; its
 * noun stands before the name where a card has no head.
 * spec: {caption, columns, rows, key(row), order, below(row)}; what below returns stands
 * under the row over its whole width. A row is drawn anew when its data are others. */
export function table({caption, columns, rows, key, order, below, stamp})
{
	const ordered = order ? order.apply(columns, rows) : rows;
	const body = ordered.flatMap((row) => {
		const id = key(row), state = (stamp || JSON.stringify)(row);
		const more = below?.(row);

		return [
			lazy(`r${id}`, state, () => h("tr", {class: more ? "has-below" : null},
				cells(columns, row))),
			more && lazy(`b${id}`, state, () => h("tr", {class: "below"},
				h("td", {colspan: columns.length}, more))),
		];
	});

	return [order && rows.length > 1 && sorter(caption, columns, order),
		h("div", {class: "scroll", tabindex: "0", role: "region", "aria-label": caption},
			h("table", {class: "cards"},
				h("caption", {class: "unseen"}, caption),
				h("thead", null, h("tr", null, columns.map((c) => head(c, order)))),
				h("tbody", null, body)))];
}
