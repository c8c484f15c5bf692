/* A browser for tests/integration/test_page.py: one JSON object a line comes in, one goes out.
 *
 *   {"do": "open", "options": {…}}                 a new page in a context of its own
 *   {"do": "page", "method": "click", "args": […]} a method of Playwright's page
 *   {"do": "locate", "selector": …, "method": …, "args": […]}   one of a locator
 *   {"do": "keyboard", "key": "Tab"}
 *   {"do": "tree"}                                 the accessibility tree, as Chromium has it
 *   {"do": "seen"}                                 what the page asked for and complained of
 *
 * Answers: {"value": …} or {"error": "…"}. */
"use strict";

const readline = require("node:readline");
const { chromium } = require("playwright-core");

let browser = null, context = null, page = null, seen = null;

async function open(options)
{
	await context?.close();
	context = await browser.newContext(options);
	page = await context.newPage();
	page.setDefaultTimeout(30000);
	seen = {console: [], errors: [], requests: [], dialogs: []};
	const mine = seen;

	page.on("console", (m) => ["error", "warning"].includes(m.type()) && mine.console.push(m.text()));
	page.on("pageerror", (e) => mine.errors.push(String(e)));
	context.on("request", (r) => mine.requests.push(r.url()));
	page.on("dialog", (d) => {
		mine.dialogs.push(d.message());
		d.dismiss();
	});
}

/* What has no meaning outside this process is not passed on. */
function plain(value)
{
	return value === undefined || value?.constructor?.name === "Response" ? null : value;
}

async function answer(ask)
{
	switch (ask.do) {
	case "open":
		return open(ask.options);
	case "page":
		return plain(await page[ask.method](...ask.args));
	case "keyboard":
		return page.keyboard.press(ask.key);
	case "locate":
		return plain(await page.locator(ask.selector)[ask.method](...ask.args));
	case "tree":
		return (await context.newCDPSession(page)).send("Accessibility.getFullAXTree");
	case "seen":
		return seen;
	default:
		throw new Error(`nobody knows how to do '${ask.do}'`);
	}
}

async function main()
{
	/* Chromium's own sandbox refuses to run as root, which tests may. */
	browser = await chromium.launch({executablePath: process.argv[2], args: ["--no-sandbox"]});
	for await (const line of readline.createInterface({input: process.stdin})) {
		let said;

		try {
			said = {value: await answer(JSON.parse(line)) ?? null};
		} catch (e) {
			said = {error: String(e.message)};
		}
		process.stdout.write(`${JSON.stringify(said)}\n`);
	}
	await browser.close();
}

main();
