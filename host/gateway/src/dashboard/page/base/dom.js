// Elements, made in one expression. Text is always text: nothing here or elsewhere in the page makes markup of a string,
// so what services and messages carry cannot become part of the page.

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element. Attributes that are `null` or `false` are left out; those that begin with `on` are listeners. */
export function h(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** The same in SVG. */
export function s(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "selected") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

/** Puts `children` into the place of what an element has, unless it says the same already: what somebody has marked or
 * reached with the keyboard stays where nothing changes. */
export function fill(element, ...children) {
  const fresh = element.cloneNode(false);
  fresh.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  if (fresh.isEqualNode(element)) return element;
  const at = pathOf(element, document.activeElement);
  element.replaceChildren(...fresh.childNodes);
  if (at) follow(element, at)?.focus({ preventScroll: true });
  return element;
}

/** The way from an element down to one within it, as positions. */
function pathOf(element, inner) {
  if (!inner || inner === element || !element.contains(inner)) return null;
  const path = [];
  for (let node = inner; node !== element; node = node.parentNode)
    path.unshift([...node.parentNode.children].indexOf(node));
  return path;
}

function follow(element, path) {
  return path.reduce((node, position) => node?.children[position], element);
}

/** A panel with a heading. */
export function panel(title, ...children) {
  const heading = typeof title === "string" ? h("h2", {}, title) : title;
  return h("section", { class: "panel" }, h("header", {}, heading), ...children);
}

/** A table: columns as `[text, is a number]`, and rows of cells. The first cell of a row names it. */
export function table(caption, columns, rows) {
  const head = columns.map(([text, number]) => h("th", { scope: "col", class: number ? "number" : null }, text));
  const cells = (row) =>
    row.map((cell, at) => {
      const number = columns[at]?.[1] ? "number" : null;
      return at === 0 ? h("th", { scope: "row", class: number }, cell) : h("td", { class: number }, cell);
    });
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    h(
      "table",
      {},
      h("caption", { class: "out-of-sight" }, caption),
      h("thead", {}, h("tr", {}, head)),
      h(
        "tbody",
        {},
        rows.map((row) => h("tr", {}, cells(row))),
      ),
    ),
  );
}

/** A short mark of a state. */
export function pill(text, kind = "") {
  return h("span", { class: `pill ${kind}` }, h("span", { class: "dot", "aria-hidden": "true" }), text);
}

/** Names with values. */
export function facts(pairs, kind = "facts") {
  const shown = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  if (kind === "figures")
    return h(
      "dl",
      { class: kind },
      shown.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
    );
  return h(
    "dl",
    { class: kind },
    shown.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
  );
}
