/* Lines over time with Chart.js, which is asked for only when a chart is shown. */
import {h} from "./dom.js";
import {absolute, number, tick} from "./format.js";

let loading = null;

/* The distribution's file is no module: it leaves its name in the global scope. */
function library()
{
	loading ??= import("/chart.js").then(() => globalThis.Chart);
	return loading;
}

const colourOf = (name) => {
	const probe = document.getElementById(`colour-${name}`);

	return getComputedStyle(probe).color;
};

function scales(span)
{
	const grid = {color: colourOf("line"), borderColor: colourOf("line"), tickLength: 4};
	const ticks = {color: colourOf("quiet"), maxRotation: 0, autoSkipPadding: 16,
		font: {size: 11}};

	return {
		x: {type: "linear", grid: {...grid, drawOnChartArea: false}, bounds: "data",
			ticks: {...ticks, maxTicksLimit: 6, callback: (ms) => tick(ms, span())}},
		y: {grid, beginAtZero: false, grace: "5%",
			ticks: {...ticks, maxTicksLimit: 5, precision: 0, callback: number}},
	};
}

function config(label, span)
{
	return {
		type: "line",
		data: {datasets: [{label, data: [], borderColor: colourOf("accent"), borderWidth: 1.5,
			pointRadius: 0, pointHitRadius: 12, tension: 0, stepped: false}]},
		options: {
			animation: false, responsive: true, maintainAspectRatio: false,
			normalized: true, parsing: false,
			interaction: {mode: "nearest", axis: "x", intersect: false},
			plugins: {legend: {display: false}, tooltip: {displayColors: false, callbacks: {
				title: (items) => absolute(items[0].parsed.x),
				label: (item) => `${label}: ${number(item.parsed.y)}`,
			}}},
			scales: scales(span),
		},
	};
}

/* One chart that lives as long as its page. */
export class Graph {
	/* id: of its canvas; pick(point): the number that is drawn. */
	constructor(id, label, pick)
	{
		Object.assign(this, {id, label, pick, points: []});
		this.scheme = matchMedia("(prefers-color-scheme: dark)");
		this.onScheme = () => this.recolour();
		this.scheme.addEventListener("change", this.onScheme);
		addEventListener("themechange", this.onScheme);
	}

	view()
	{
		return h("figure", {class: "graph", key: this.id},
			h("figcaption", {id: `${this.id}-name`}, this.label, " ",
				h("b", null, this.points.length ? number(this.pick(this.points.at(-1))) : "")),
			h("div", {class: "canvas", own: true, id: this.id, role: "img",
				"aria-label": this.sentence()}));
	}

	sentence()
	{
		if (!this.points.length)
			return `${this.label}: nothing is known yet`;
		const first = this.points[0], last = this.points.at(-1);

		return `${this.label} over time: ${number(this.pick(first))} at ` +
			`${absolute(first.at_ms)}, ${number(this.pick(last))} at ${absolute(last.at_ms)}`;
	}

	span()
	{
		return this.points.length ? this.points.at(-1).at_ms - this.points[0].at_ms : 0;
	}

	/* After the view has been drawn. */
	async draw(points)
	{
		this.points = points;
		const Chart = await library();
		const box = document.getElementById(this.id);

		if (!box || this.isClosed)
			return;
		if (!this.chart || !box.contains(this.chart.canvas)) {
			this.chart?.destroy();
			const canvas = document.createElement("canvas");

			box.replaceChildren(canvas);
			this.chart = new Chart(canvas, config(this.label, () => this.span()));
		}
		this.chart.data.datasets[0].data =
			points.map((p) => ({x: p.at_ms, y: this.pick(p)}));
		this.chart.update("none");
	}

	recolour()
	{
		if (!this.chart)
			return;
		this.chart.data.datasets[0].borderColor = colourOf("accent");
		this.chart.options.scales = scales(() => this.span());
		this.chart.update("none");
	}

	close()
	{
		this.isClosed = true;
		this.scheme.removeEventListener("change", this.onScheme);
		removeEventListener("themechange", this.onScheme);
		this.chart?.destroy();
	}
}
