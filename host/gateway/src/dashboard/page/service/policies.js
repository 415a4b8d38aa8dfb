// The policies of a service and of its links, each value with where it came from.

import { fill, h, panel, table } from "../base/dom.js";
import { get } from "../base/api.js";

export function policiesTab(name) {
  const place = h("div", {}, h("p", { class: "wait" }, "Loading"));
  const element = panel("Policies", place);
  get(`/v1/services/${name}/policy`).then(
    (policies) => {
      fill(
        place,
        table(
          `Policies of ${name}`,
          [["Link"], ["Key"], ["Value"], ["From"]],
          policies.map((policy) => [
            policy.link ? h("span", { class: "mono" }, policy.link) : "all calls",
            h("span", { class: "mono" }, policy.key),
            h("span", { class: "mono" }, policy.value),
            from(policy),
          ]),
        ),
      );
    },
    (problem) => fill(place, h("p", { class: "empty" }, problem.message)),
  );
  return { element };
}

const SOURCES = {
  "built-in": "built in",
  defaults: "[defaults]",
  service: "runtime.toml",
  deployment: "deployment",
  callee: "who is called",
};

function from({ source, line, revision, service }) {
  const where = line ? `, line ${line}` : revision ? ` @${revision}` : service ? ` (${service})` : "";
  return h("span", { class: source === "built-in" ? "dim" : null }, `${SOURCES[source] ?? source}${where}`);
}
