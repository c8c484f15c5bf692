/* Elements from plain data. A view returns what it wants to see, patch() changes what is there
 * as little as it can, so that focus, scroll and selection stay. All text is a text node:
 * nothing that a server says is ever parsed as HTML. */

/* h("td", {class: "num", onclick: f}, child…): children are strings, numbers, more of these,
 * arrays of them, or nothing (null, false). Props that mean more than an attribute:
 *   key      the same thing in the next view, wherever it stands among its siblings
 *   style    an object of CSS properties
 *   own      the children are somebody else's: patch() leaves them alone
 *   on…      a listener, one of each kind
 *   value, checked   set when the element is made; after that they are the user's */
export function h(tag, props, ...children)
{
	return {tag, props: props || {}, children};
}

/* A part that is drawn anew only when its stamp is another one; for long tables. */
export function lazy(key, stamp, draw)
{
	return {key, stamp, draw};
}

function flat(children, into = [])
{
	for (const child of children) {
		if (Array.isArray(child))
			flat(child, into);
		else if (child !== null && child !== undefined && child !== false)
			into.push(typeof child === "object" ? child : String(child));
	}
	return into;
}

const keyOf = (node) => node.key ?? node.props?.key;

function setProp(el, name, value)
{
	if (name.startsWith("on"))
		el[name] = value;
	else if (name === "style")
		for (const [property, to] of Object.entries(value || {}))
			el.style.setProperty(property, to);
	else if (name === "value" || name === "checked")
		el[name] = value;
	else if (value === false || value === null || value === undefined)
		el.removeAttribute(name);
	else if (el.getAttribute(name) !== String(value === true ? "" : value))
		el.setAttribute(name, value === true ? "" : value);
}

const isOurs = (name) => name === "key" || name === "own";
const isUsers = (name) => name === "value" || name === "checked";

function make(node)
{
	const el = document.createElement(node.tag);

	el.drawn = {};
	el.key = keyOf(node);
	update(el, node, true);
	return el;
}

function update(el, node, isNew)
{
	for (const name of Object.keys(el.drawn))
		if (!(name in node.props) && !isOurs(name))
			setProp(el, name, null);
	for (const [name, value] of Object.entries(node.props))
		if (!isOurs(name) && !isUsers(name))
			setProp(el, name, value);
	if (!node.props.own)
		patchChildren(el, flat(node.children));
	/* A select has its value only once it has its options. */
	for (const [name, value] of Object.entries(node.props))
		if (isNew && isUsers(name))
			setProp(el, name, value);
	el.drawn = node.props;
}

/* What is there already and can become this node. */
function match(old, node, keyed)
{
	const key = keyOf(node);

	if (key !== undefined)
		return keyed.get(String(key));
	if (typeof node === "string")
		return old?.nodeType === Node.TEXT_NODE ? old : undefined;
	return old?.nodeType === Node.ELEMENT_NODE && old.key === undefined &&
		old.localName === node.tag ? old : undefined;
}

function become(found, node)
{
	if (typeof node === "string") {
		if (found && found.nodeValue !== node)
			found.nodeValue = node;
		return found || document.createTextNode(node);
	}
	if (node.draw) {
		if (found?.stamp === node.stamp)
			return found;
		const drawn = node.draw();
		const el = become(found, {...drawn, key: node.key});

		el.stamp = node.stamp;
		return el;
	}
	if (!found || found.localName !== node.tag)
		return make(node);
	update(found, node, false);
	return found;
}

function patchChildren(parent, nodes)
{
	const keyed = new Map();
	let at = parent.firstChild;

	for (const child of parent.childNodes)
		if (child.key !== undefined)
			keyed.set(String(child.key), child);
	for (const node of nodes) {
		const el = become(match(at, node, keyed), node);

		if (el === at)
			at = at.nextSibling;
		else
			parent.insertBefore(el, at);
	}
	while (at) {
		const next = at.nextSibling;

		at.remove();
		at = next;
	}
}

/* Makes the children of parent what nodes say. */
export function patch(parent, ...nodes)
{
	const focused = document.activeElement;

	patchChildren(parent, flat(nodes));
	/* An element that was moved has lost it. */
	if (focused && focused !== document.activeElement && focused.isConnected)
		focused.focus({preventScroll: true});
}
