// What a service imports and exports, as WIT that people can read.

import { fill, h, panel } from "../base/dom.js";
import { get } from "../base/api.js";
import { facts } from "../base/dom.js";
import { state } from "../base/state.js";
import { witText } from "../wit/text.js";

export function contractTab(name) {
  const place = h("div", { class: "view" }, h("p", { class: "wait" }, "Loading"));
  activeRevision(name).then(
    (revision) => fill(place, shown(revision)),
    (problem) => fill(place, h("p", { class: "empty" }, problem.message)),
  );
  return { element: place };
}

/** The revision that serves, in full. */
export async function activeRevision(name) {
  const found = state.services?.find((service) => service.name === name) ?? (await get(`/v1/services/${name}`));
  if (!found.active) throw new Error(found.failure ?? `\`${name}\` has no revision that serves`);
  return get(`/v1/services/${name}/revisions/${found.active}`);
}

function shown({ revision, contract, policy, recommended, settings }) {
  if (!contract) return h("p", { class: "empty" }, "The revision is not compiled, so its contract is not known.");
  const tools = contract.producers
    .filter(({ version }) => version)
    .map(({ name, version }) => `${name} ${version}`)
    .join(", ");
  const own = (item) => !item.name.startsWith("wasi:");
  const about = facts([
    ["Revision", revision],
    ["Language", contract.language],
    ["Made by", tools],
    [
      "Instances",
      `${policy}${recommended && recommended.policy !== policy ? `; ${recommended.policy} is recommended: ${recommended.reason}` : ""}`,
    ],
    ["Memory", settings.limits.memory],
    ["CPU time", settings.limits.cpu_time],
    ["Calls at a time", settings.limits.concurrency],
  ]);
  return [
    panel("Component", h("div", { class: "inside" }, about)),
    panel("Exports", h("div", { class: "inside" }, items(contract.exports, own))),
    panel("Imports", h("div", { class: "inside" }, items(contract.imports, own))),
  ];
}

/** Interfaces of services first and open, those of the platform behind them and closed. */
function items(all, own) {
  if (all.length === 0) return h("p", { class: "dim" }, "none");
  const sorted = [...all.filter(own), ...all.filter((item) => !own(item))];
  return sorted.map((item) =>
    h(
      "details",
      { open: own(item) },
      h("summary", {}, h("code", {}, item.name), h("span", { class: "dim" }, `  ${item.functions.length}`)),
      h("pre", { class: "wit" }, highlighted(witText(item))),
    ),
  );
}

const WORDS =
  /(\/\/.*)|\b(interface|record|variant|enum|flags|type|resource|static|async|func)\b|\b(bool|s8|u8|s16|u16|s32|u32|s64|u64|f32|f64|char|string|list|option|result|tuple)\b/g;

/** WIT with its words marked. */
function highlighted(text) {
  const parts = [];
  let at = 0;
  for (const match of text.matchAll(WORDS)) {
    // `from-list` and `list: u8` are names.
    const around = text[match.index - 1] === "-" || /^[-:]/.test(text.slice(match.index + match[0].length));
    if (around && !match[1]) continue;
    parts.push(
      text.slice(at, match.index),
      h("span", { class: match[1] ? "dim" : match[2] ? "word" : "kind" }, match[0]),
    );
    at = match.index + match[0].length;
  }
  return [...parts, text.slice(at)];
}
