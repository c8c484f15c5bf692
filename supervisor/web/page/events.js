/* The farm's event stream, read with fetch(), because EventSource can send no token. */
import {Refusal, request, token} from "./api.js";

const QUIET_MS = 40000;		/* the farm sends a heartbeat every 15 s */
const FIRST_WAIT_MS = 500, LONGEST_WAIT_MS = 15000;
const HIDDEN_MS = 30000;

/* Text in pieces goes in, whole events come out. Lines end with LF, CR LF or CR. */
export class EventParser {
	constructor(onEvent)
	{
		this.onEvent = onEvent;
		this.rest = "";
		this.clear();
	}

	clear()
	{
		this.name = "message";
		this.data = [];
	}

	push(text)
	{
		/* A CR at the end may be half of a CR LF. */
		const all = this.rest + text;
		const end = all.endsWith("\r") ? all.length - 1 : all.length;
		const lines = all.slice(0, end).split(/\r\n|\n|\r/);

		this.rest = lines.pop() + all.slice(end);
		lines.forEach((line) => this.line(line));
	}

	line(line)
	{
		if (line === "") {
			if (this.data.length)
				this.onEvent(this.name, this.data.join("\n"));
			this.clear();
			return;
		}
		const colon = line.indexOf(":");
		const field = colon < 0 ? line : line.slice(0, colon);
		const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");

		if (field === "event")
			this.name = value;
		else if (field === "data")
			this.data.push(value);
	}
}

/* Connects, and connects again for as long as the page is open.
 * onEvent(name, object); onState({is: "on"|"off"|"waiting"|"refused", until_ms, why}). */
export class Stream {
	constructor(onEvent, onState)
	{
		this.onEvent = onEvent;
		this.onState = onState;
		this.failures = 0;
		this.why = "";
		document.addEventListener("visibilitychange", () => this.onVisibility());
		addEventListener("online", () => this.isOn || this.connect());
	}

	/* Now, whatever it was doing. */
	connect()
	{
		this.close();
		const me = this.abort = new AbortController();

		/* Who was told that it is lost is told once, not at every try. */
		this.onState({is: this.failures ? "off" : "waiting", until_ms: 0, why: this.why});
		this.read(me.signal).then(() => new Refusal(0, "The farm ended the connection.", 0),
			(e) => e).then((why) => this.abort === me && this.lost(why));
	}

	close()
	{
		clearTimeout(this.timer);
		clearTimeout(this.watchdog);
		const was = this.abort;

		this.abort = null;
		this.isOn = false;
		was?.abort();
	}

	async read(signal)
	{
		const response = await request("/events", {signal});
		const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
		const parser = new EventParser((name, data) => this.onEvent(name, JSON.parse(data)));

		this.isOn = true;
		this.failures = 0;
		this.onState({is: "on", until_ms: 0, why: ""});
		for (;;) {
			this.watch();
			const {value, done} = await reader.read();

			if (done)
				return;
			parser.push(value);
		}
	}

	/* A connection on which nothing comes, not even the heartbeat, is dead. */
	watch()
	{
		clearTimeout(this.watchdog);
		this.watchdog = setTimeout(() => this.connect(), QUIET_MS);
	}

	lost(why)
	{
		this.close();
		/* Only wrong tokens are told to wait, so both say the same of it. */
		if ((why.status === 401 || why.status === 429) && token.get()) {
			this.onState({is: "refused", until_ms: 0, why: why.message});
			return;
		}
		const wait = why.retryAfter * 1000 ||
			Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.failures++);
		const ms = wait * (0.75 + Math.random() / 2);

		this.why = why.message;
		this.onState({is: "off", until_ms: Date.now() + ms, why: this.why});
		this.timer = setTimeout(() => this.connect(), ms);
	}

	/* Browsers open few connections to one host; a tab that nobody sees gives its back. */
	onVisibility()
	{
		clearTimeout(this.hiding);
		if (document.hidden)
			this.hiding = setTimeout(() => this.close(), HIDDEN_MS);
		else if (!this.isOn)
			this.connect();
	}
}
