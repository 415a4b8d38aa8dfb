// The colour scheme: that of the system, or the one that somebody chose.

const ORDER = ["auto", "light", "dark"];
const MARKS = { auto: "◐", light: "☀", dark: "☾" };
const KEY = "patchbay-theme";

const current = () => document.documentElement.dataset.theme ?? "auto";

/** Takes the next one. */
export function cycleTheme() {
  const next = ORDER[(ORDER.indexOf(current()) + 1) % ORDER.length];
  if (next === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  try {
    if (next === "auto") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, next);
  } catch {
    // It holds for this page then.
  }
  showTheme();
}

/** Shows on the button which one holds. */
export function showTheme() {
  const button = document.getElementById("theme");
  button.textContent = MARKS[current()];
  button.setAttribute("aria-label", `Colour scheme: ${current()}`);
}
