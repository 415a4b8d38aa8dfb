// Short notices in the corner, which screen readers read out.

import { h } from "./dom.js";

const LASTS = 8000;

/** Says something that just happened. Failures stay until they are closed. */
export function say(text, failed = false) {
  const notice = h(
    "div",
    { class: `notice${failed ? " failed" : ""}` },
    h("span", {}, text),
    h(
      "button",
      { class: "quiet small", type: "button", "aria-label": "Close the notice", onclick: () => notice.remove() },
      "✕",
    ),
  );
  const place = document.getElementById("notices");
  place.append(notice);
  while (place.children.length > 4) place.firstElementChild.remove();
  if (!failed) setTimeout(() => notice.remove(), LASTS);
}

/** Runs what may fail, and says so if it does. Returns whether it did not. */
export async function attempt(work) {
  try {
    await work();
    return true;
  } catch (problem) {
    say(problem.message, true);
    return false;
  }
}
