/* What the page knows of the farm at this moment, and who wants to hear of changes. */
import {get, token} from "./api.js";
import {Stream} from "./events.js";

const RANK = {none: 0, read: 1, triage: 2, admin: 3};
const MESSAGES = 50;

export const live = {
	farm: null,
	targets: null,
	link: {is: "waiting", until_ms: 0, why: ""},
	note: "",		/* a sentence for the top of the page, until it is closed */
};

const listeners = new Set();
let skew_ms = 0;

/* listener(what, data): "farm", "targets", "bugs" {ids}, "message", "link", "connected",
 * "signed out", "note". */
export function listen(listener)
{
	listeners.add(listener);
	return () => listeners.delete(listener);
}

function tell(what, data)
{
	for (const listener of [...listeners])
		listener(what, data);
}

/* The farm's clock, which need not be the reader's. */
export const now = () => Date.now() + skew_ms;

export const role = () => live.farm?.role || "none";
export const may = (least) => RANK[role()] >= RANK[least];
export const targetOf = (id) => live.targets?.find((t) => t.id === id);

export function say(sentence)
{
	live.note = sentence;
	tell("note");
}

function learn(what, data)
{
	if (what === "farm") {
		skew_ms = data.now_ms - Date.now();
		/* Events go to everybody and say nothing of one's role; GET /farm does. */
		live.farm = {role: live.farm?.role, ...data};
	} else if (what === "targets") {
		live.targets = data.targets;
	} else if (what === "message" && live.farm) {
		const known = live.farm.messages.some(
			(m) => m.at_ms === data.at_ms && m.text === data.text);

		if (!known)
			live.farm.messages = [...live.farm.messages, data].slice(-MESSAGES);
	}
	tell(what, data);
}

/* A target that a button has changed, before the next event says so. */
export function learnTarget(target)
{
	live.targets = live.targets?.map((t) => t.id === target.id ? target : t);
	tell("targets");
}

async function ask()
{
	const asker = token.get();
	const [farm, targets] = await Promise.all([get("/farm"), get("/targets")]);

	/* Somebody has signed in or out meanwhile, and asks again. */
	if (token.get() !== asker)
		return;
	learn("farm", farm);
	learn("targets", targets);
}

function onState(link)
{
	live.link = link;
	tell("link");
	if (link.is === "refused") {
		say("Your token was refused: it has been revoked, or it is wrong. You are signed out.");
		signOut();
	} else if (link.is === "on") {
		/* Nobody knows what has changed since the last event. */
		ask().then(() => tell("connected"), () => {});
	}
}

/* Signed out: what a token has shown is gone before the farm answers, or if it never does. */
export function signOut()
{
	token.clear();
	if (live.farm)
		live.farm = {...live.farm, role: "none"};
	tell("signed out");
	stream.connect();
}

const stream = new Stream(learn, onState);

/* With the token that is there now; again after it has changed. */
export const connect = () => stream.connect();
