// What changed between the exports of two revisions.

import { h } from "../base/dom.js";

/** The difference as lines, or that there is none. */
export function difference(before, after) {
  if (!before || !after) return null;
  const lines = differences(before, after);
  if (lines.length === 0) return h("p", { class: "dim" }, "It exports the same as before.");
  return h(
    "details",
    { open: true },
    h("summary", {}, "What changed in the contract"),
    h(
      "pre",
      { class: "diff" },
      lines.map(([kind, text]) => h("span", { class: kind }, text)),
    ),
  );
}

const SIGNS = { added: "+", removed: "-" };

/** Lines of `[kind, text]`. Functions and types are held against each other as text. */
export function differences(before, after) {
  const [old, now] = [before, after].map(
    (contract) => new Map(contract.exports.map((item) => [item.name.replace(/@.*/, ""), item])),
  );
  const lines = [];
  for (const name of [...new Set([...old.keys(), ...now.keys()])].sort()) {
    const [was, is] = [old.get(name), now.get(name)];
    const [gone, come] = apart(textsOf(was), textsOf(is));
    if (was?.name !== is?.name) {
      if (was) lines.push(["removed", `- ${was.name}`]);
      if (is) lines.push(["added", `+ ${is.name}`]);
    } else if (gone.length + come.length > 0) {
      lines.push(["", is.name]);
    }
    lines.push(
      ...gone.map((text) => ["removed", `  ${SIGNS.removed} ${text}`]),
      ...come.map((text) => ["added", `  ${SIGNS.added} ${text}`]),
    );
  }
  return lines;
}

const textsOf = (item) => (item ? [...(item.types ?? []), ...item.functions] : []);

function apart(old, now) {
  return [old.filter((text) => !now.includes(text)), now.filter((text) => !old.includes(text))];
}
