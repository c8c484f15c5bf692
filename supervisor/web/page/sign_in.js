/* The dialog that asks for a token, and what became of it. */
import {get, token} from "./api.js";
import {h, patch} from "./dom.js";
import {connect} from "./live.js";

const dialog = document.getElementById("sign-in");
let said = "", isBusy = false;

async function submit(e)
{
	const field = dialog.querySelector("input");
	const text = field.value.trim();

	e.preventDefault();
	if (isBusy)
		return;
	isBusy = true;
	said = "";
	draw();
	try {
		const farm = await get("/farm", {token: text});

		if (farm.role === "none")
			throw new Error("The farm knows no role for this token.");
		token.set(text);
		field.value = "";
		dialog.close();
		connect();
	} catch (error) {
		said = error.message;
	}
	isBusy = false;
	draw();
	if (dialog.open)
		field.select();
}

function draw()
{
	patch(dialog, h("form", {onsubmit: submit, "aria-labelledby": "sign-in-title"},
		h("h2", {id: "sign-in-title"}, "Sign in"),
		h("p", null, "A token shows private bugs (read), lets you hold targets and start campaigns " +
			"(triage), or do everything (admin). It is kept until this tab is closed."),
		h("div", {class: "field"}, h("label", {for: "token"}, "Token"),
			h("input", {id: "token", type: "password", required: true, autocomplete: "off",
				spellcheck: "false", placeholder: "iw_…", "aria-describedby": "token-said"})),
		h("p", {id: "token-said", class: "said", role: "alert"}, said),
		h("p", {class: "quiet"}, "Who runs the farm makes one: ", h("code", null,
			"ironworks token create NAME --role read")),
		h("div", {class: "buttons"},
			h("button", {type: "submit", class: "main", disabled: isBusy}, "Sign in"),
			h("button", {type: "button", onclick: () => dialog.close()}, "Cancel"))));
}

export function askForToken()
{
	said = "";
	draw();
	dialog.showModal();
}
