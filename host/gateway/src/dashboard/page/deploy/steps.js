// The steps of a change, as they happen.

import { h } from "../base/dom.js";
import { rough } from "./rough.js";

const MARKS = { begun: "…", done: "✓", skipped: "-", failed: "✗" };

/** A list of steps. `tell` takes the news of one. */
export function stepList() {
  const element = h("ol", { class: "steps" });
  const rows = new Map();
  const tell = ({ step, state, elapsed, note }) => {
    const [first] = (note ?? "").split("\n");
    const row = h(
      "li",
      { class: state },
      h("span", { class: "mark", "aria-hidden": "true" }, MARKS[state] ?? ""),
      h("span", { class: "name" }, step),
      h("span", { class: "dim nowrap" }, state === "begun" ? "" : rough(elapsed)),
      h("span", { class: "note" }, first || (state === "begun" ? "under way" : state)),
    );
    if (rows.has(step)) rows.get(step).replaceWith(row);
    else element.append(row);
    rows.set(step, row);
  };
  return { element, tell };
}
