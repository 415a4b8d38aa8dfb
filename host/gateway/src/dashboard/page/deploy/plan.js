// How a canary goes: the fields of its plan, for every form that can begin one.

import { h } from "../base/dom.js";

/** The fields, and what was written into them. */
export function planFields() {
  const steps = h("input", { name: "steps", value: "5%, 25%, 50%", required: true });
  const bake = h("input", { name: "bake", value: "5m", required: true });
  return {
    elements: [
      h("label", { class: "field" }, "Shares, one after the other", steps),
      h("label", { class: "field" }, "How long each lasts", bake),
    ],
    plan: () => ({
      steps: steps.value
        .split(",")
        .map((step) => step.trim())
        .filter(Boolean),
      bake: bake.value,
    }),
  };
}
