/* Numbers and times as people read them. */

/* Spaces that do not break: between digits and units, and between words. */
const THIN = "\u202f", WIDE = "\u00a0";

/* 1234567 is "1 234 567", with thin spaces that do not break. */
export function number(n)
{
	if (n === null || n === undefined)
		return "–";
	return String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, THIN);
}

export const plural = (n, one, many = `${one}s`) => `${number(n)}${WIDE}${n === 1 ? one : many}`;

/* "850 ms", "12 s", "3 min 20 s", "2 h 05 min", "3 d 4 h". */
export function duration(ms)
{
	if (ms === null || ms === undefined)
		return "–";
	const s = Math.floor(Math.max(0, ms) / 1000);
	const min = Math.floor(s / 60), hours = Math.floor(min / 60), days = Math.floor(hours / 24);
	const two = (n) => String(n).padStart(2, "0");

	if (s < 60)
		return `${s}${THIN}s`;
	if (min < 60)
		return `${min}${THIN}min${WIDE}${two(s % 60)}${THIN}s`;
	if (hours < 24)
		return `${hours}${THIN}h${WIDE}${two(min % 60)}${THIN}min`;
	return `${number(days)}${THIN}d${WIDE}${hours % 24}${THIN}h`;
}

/* One unit is enough when it is about how long ago. */
export function ago(ms)
{
	const s = Math.floor(ms / 1000);

	if (s < 5)
		return "just now";
	if (s < 60)
		return `${s}${THIN}s ago`;
	if (s < 3600)
		return `${Math.floor(s / 60)}${THIN}min ago`;
	if (s < 48 * 3600)
		return `${Math.floor(s / 3600)}${THIN}h ago`;
	return `${number(Math.floor(s / 86400))}${THIN}d ago`;
}

const two = (n) => String(n).padStart(2, "0");

/* "2026-11-24 14:03:22", in the reader's own time zone. */
export function absolute(ms)
{
	const t = new Date(ms);

	return `${t.getFullYear()}-${two(t.getMonth() + 1)}-${two(t.getDate())} ` +
		`${two(t.getHours())}:${two(t.getMinutes())}:${two(t.getSeconds())}`;
}

/* For an axis that spans so many ms. */
export function tick(ms, span)
{
	const text = absolute(ms);

	if (span < 10 * 60 * 1000)
		return text.slice(11);
	return span < 36 * 3600 * 1000 ? text.slice(11, 16) : text.slice(5, 10);
}

/* "88 B", "12 KiB". */
export function bytes(n)
{
	if (n === null || n === undefined)
		return "–";
	if (n < 10240)
		return `${number(n)}${THIN}B`;
	return n < 10 << 20 ? `${number(n / 1024)}${THIN}KiB` : `${number(n / 1048576)}${THIN}MiB`;
}

export function percent(part, whole)
{
	if (!whole)
		return "–";
	const p = 100 * part / whole;

	return `${p > 0 && p < 9.95 ? p.toFixed(1) : Math.round(p)}${THIN}%`;
}
