/* Asking the farm. The token lives in this tab's session and travels in a header only. */

const KEY = "ironworks-token";
const ROOT = "/api/v1";

export const token = {
	get: () => sessionStorage.getItem(KEY),
	set: (text) => sessionStorage.setItem(KEY, text),
	clear: () => sessionStorage.removeItem(KEY),
};

/* An answer that is none: status 0 when the farm could not be reached at all. */
export class Refusal extends Error {
	constructor(status, sentence, retryAfter)
	{
		super(sentence);
		this.status = status;
		this.retryAfter = retryAfter;
	}
}

const plain = {
	0: "The farm does not answer.",
	401: "The token is wrong, or it has been revoked.",
	403: "This needs a token with a higher role.",
	404: "There is no such thing here.",
	429: "Too many wrong tokens came from here.",
};

/* The farm's own sentence is the best; proxies between us may not have one. */
async function refusal(response, hasToken)
{
	const after = Number(response.headers.get("Retry-After")) || 0;
	let sentence = "";

	try {
		sentence = (await response.json()).error;
	} catch {
		sentence = "";
	}
	if (response.status === 401 && hasToken)
		sentence = plain[401];
	if (response.status === 429 && after)
		sentence = `${plain[429]} Wait ${after} s and try again.`;
	return new Refusal(response.status,
		sentence || plain[response.status] || `The farm answered ${response.status}.`, after);
}

/* The response, or a Refusal is thrown. */
export async function request(path, options = {})
{
	const secret = options.token ?? token.get();
	const headers = {...options.headers};
	let response;

	if (secret)
		headers.Authorization = `Bearer ${secret}`;
	try {
		response = await fetch(ROOT + path, {method: options.method || "GET", headers,
			body: options.body, signal: options.signal, cache: "no-store",
			credentials: "omit", referrerPolicy: "no-referrer"});
	} catch (e) {
		if (e.name === "AbortError")
			throw e;
		throw new Refusal(0, plain[0], 0);
	}
	if (!response.ok)
		throw await refusal(response, Boolean(secret));
	return response;
}

export async function get(path, options)
{
	return (await request(path, options)).json();
}

export async function post(path, body)
{
	const response = await request(path, {method: "POST", body: JSON.stringify(body ?? {}),
		headers: {"Content-Type": "application/json"}});

	return response.json();
}

/* "?a=1&b=2" of what is not empty, or "". */
export function queryOf(fields)
{
	const query = new URLSearchParams();

	for (const [name, value] of Object.entries(fields))
		if (value !== "" && value !== null && value !== undefined)
			query.set(name, value);
	const text = query.toString();

	return text ? `?${text}` : "";
}
