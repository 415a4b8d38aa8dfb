// Dialogs. The browser's own element keeps the focus inside, gives it back, and closes on Escape.

import { h } from "./dom.js";

/** Opens a dialog with this content. Returns it; closing removes it. */
export function open(label, ...content) {
  const dialog = h("dialog", { "aria-label": label }, ...content);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Asks before something is done that somebody may regret. Resolves to whether to do it. */
export function confirm(question, explanation, yes, danger = true) {
  return new Promise((resolve) => {
    const dialog = open(
      question,
      h(
        "form",
        { method: "dialog" },
        h("h2", {}, question),
        h("p", { class: "dim" }, explanation),
        h(
          "div",
          { class: "row end" },
          h("button", { value: "", type: "submit" }, "Cancel"),
          h("button", { value: "yes", type: "submit", class: danger ? "danger" : "primary" }, yes),
        ),
      ),
    );
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"));
  });
}
