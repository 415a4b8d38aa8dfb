// A form to call any function that a service exports, made from the types of its contract.

import { fill, h, panel } from "../base/dom.js";
import { post } from "../base/api.js";
import { duration } from "../base/format.js";
import { fieldFor } from "../wit/form.js";
import { isKnown, parseFunction } from "../wit/parse.js";
import { activeRevision } from "./contract.js";

export function tryTab(name) {
  const place = h("div", {}, h("p", { class: "wait" }, "Loading"));
  activeRevision(name).then(
    ({ contract }) => fill(place, shown(name, callable(contract))),
    (problem) => fill(place, h("p", { class: "empty" }, problem.message)),
  );
  return { element: place };
}

/** The functions that can be called from here: those of interfaces that services call each other by. */
export function callable(contract) {
  return (contract?.exports ?? [])
    .filter((item) => !/^(wasi|patchbay):/.test(item.name))
    .flatMap((item) =>
      item.functions.map((text) => ({ interface: item.name, text, ...parseFunction(text, item.types) })),
    )
    .filter((each) => each.params);
}

function shown(name, functions) {
  if (functions.length === 0)
    return panel(
      "Try it",
      h("p", { class: "empty" }, `${name} exports no functions that can be called. Its routes can be.`),
    );
  const select = h(
    "select",
    { id: "function" },
    functions.map((each) => h("option", {}, `${each.interface.replace(/@.*/, "")}.${each.name}`)),
  );
  const fields = h("div", { class: "view" });
  const answer = h("div", { class: "inside", role: "status" }, h("p", { class: "dim" }, "Nothing was called yet."));
  const wrong = h("div", { role: "alert" });
  const asJson = h("input", { type: "checkbox" });
  let args = null;
  const build = () => {
    const chosen = functions[select.selectedIndex];
    args =
      asJson.checked || !chosen.params.every(({ type }) => isKnown(type))
        ? jsonArguments(chosen)
        : formArguments(chosen);
    fill(fields, h("pre", { class: "wit" }, chosen.text), args.element);
  };
  select.addEventListener("change", build);
  asJson.addEventListener("change", build);
  build();

  const form = h(
    "form",
    { class: "inside", novalidate: true },
    h("div", { class: "field" }, h("label", { for: "function" }, "Function"), select),
    h("label", { class: "check" }, asJson, "Arguments as JSON"),
    fields,
    wrong,
    h("div", { class: "row" }, h("button", { type: "submit", class: "primary" }, "Call")),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    fill(wrong);
    let given;
    try {
      given = args.read();
    } catch (problem) {
      fill(wrong, h("p", { class: "alert" }, problem.message));
      problem.cause?.focus();
      return;
    }
    await run(name, functions[select.selectedIndex], given, answer);
  });
  return h("div", { class: "try" }, panel("Try it", form), panel("Result", answer));
}

function formArguments({ params }) {
  const fields = params.map(({ name, type }) => [name, fieldFor(type, name)]);
  const none = h("p", { class: "dim" }, "It takes nothing.");
  return {
    element: h("div", { class: "value" }, fields.length > 0 ? fields.map(([, field]) => field.element) : none),
    read: () => Object.fromEntries(fields.map(([name, field]) => [name, field.read()])),
  };
}

function jsonArguments({ params }) {
  const field = fieldFor(
    { kind: "unknown", text: params.map(({ name }) => name).join(", ") || "nothing" },
    "Arguments",
  );
  field.element.querySelector("textarea").value = "{}";
  return field;
}

async function run(name, { interface: from, name: called }, given, answer) {
  const begun = performance.now();
  fill(answer, h("p", { class: "dim" }, "Calling"));
  const took = () => duration((performance.now() - begun) / 1000);
  try {
    const reply = await post(`/v1/services/${name}/call`, { function: `${from}.${called}`, arguments: given });
    fill(
      answer,
      h("p", { class: "dim" }, `${took()}, call ${reply.call.replace(/^0+/, "#")}`),
      h("h3", {}, "WAVE"),
      h("pre", { class: "result" }, reply.wave || "no result"),
      h("h3", {}, "JSON"),
      h("pre", { class: "result" }, JSON.stringify(reply.result, null, 2)),
    );
  } catch (problem) {
    fill(answer, h("p", { class: "dim" }, took()), h("p", { class: "alert" }, problem.message));
  }
}
