// Deploying: choose or drop a component, and watch the steps as they happen. Afterwards, what changed in the contract.

import { fill, h } from "../base/dom.js";
import { change, get, upload } from "../base/api.js";
import { open } from "../base/dialog.js";
import { size } from "../base/format.js";
import { refresh, state } from "../base/state.js";
import { say } from "../base/notice.js";
import { difference } from "./difference.js";
import { nameOf } from "./name.js";
import { planFields } from "./plan.js";
import { stepList } from "./steps.js";

/** Opens the dialog. The service and the file may be known already. */
export function openDeploy({ service = "", file = null } = {}) {
  let chosen = file;
  const named = service || (file ? nameOf(file.name) : "");
  const name = h("input", {
    name: "service",
    required: true,
    value: named,
    pattern: "[a-z][a-z0-9\\-]*",
    list: "known-services",
    autocomplete: "off",
    spellcheck: "false",
  });
  const known = h(
    "datalist",
    { id: "known-services" },
    (state.services ?? []).map((each) => h("option", { value: each.name })),
  );
  const input = h("input", { type: "file", accept: ".wasm,application/wasm", "aria-label": "Component" });
  const what = h("p", {}, "");
  const routes = h("input", {
    name: "routes",
    placeholder: "GET /api/orders/*",
    autocomplete: "off",
    spellcheck: "false",
  });
  const breaking = h("input", { type: "checkbox", name: "breaking" });
  const fields = planFields();
  const canary = h("input", { type: "checkbox", name: "canary" });
  const plan = h("fieldset", { class: "value", disabled: true, hidden: true }, h("legend", {}, "Canary"), fields.elements);
  // A canary is one of a service that is there, with its routes, and is refused where it would break callers.
  canary.addEventListener("change", () => {
    plan.hidden = plan.disabled = !canary.checked;
    routes.disabled = breaking.disabled = canary.checked;
  });
  const progress = h("div", { class: "view", role: "status" });
  const button = h("button", { type: "submit", class: "primary" }, "Deploy");
  const cancel = h("button", { type: "button", onclick: () => dialog.close() }, "Close");

  const take = (taken) => {
    if (!taken) return;
    chosen = taken;
    what.textContent = `${taken.name}, ${size(taken.size)}`;
    if (!name.value) name.value = nameOf(taken.name);
    button.disabled = false;
  };
  input.addEventListener("change", () => take(input.files[0]));
  const drop = h("div", { class: "drop" }, h("p", {}, "Drop a component here, or choose its file"), input, what);
  for (const type of ["dragover", "dragleave", "drop"])
    drop.addEventListener(type, (event) => {
      event.preventDefault();
      event.stopPropagation();
      document.body.classList.remove("dropping");
      drop.classList.toggle("over", type === "dragover");
      if (type === "drop") take(event.dataTransfer.files[0]);
    });
  const form = h(
    "form",
    {},
    h("h2", {}, "Deploy a revision"),
    drop,
    h("label", { class: "field" }, "Service", name),
    known,
    h(
      "details",
      {},
      h("summary", {}, "More"),
      h(
        "div",
        { class: "value" },
        h("label", { class: "field" }, "Routes, with commas between them; empty: as they are", routes),
        h("label", { class: "check" }, breaking, "Even if it breaks services that call it"),
        h("label", { class: "check" }, canary, "As a canary, which gets a growing share of the calls"),
        plan,
      ),
    ),
    progress,
    h("div", { class: "row end" }, cancel, button),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!chosen) return;
    button.disabled = true;
    const asked = { name: name.value, file: chosen, routes: routes.value, breaking: breaking.checked };
    if (canary.checked) asked.plan = fields.plan();
    await run(asked, progress, () => {
      breaking.closest("details").open = true;
      breaking.focus();
    });
    button.disabled = false;
  });
  button.disabled = !chosen;
  const dialog = open("Deploy a revision", form);
  take(file);
  return dialog;
}

async function run({ name, file, routes, breaking, plan }, progress, onBreaking) {
  const steps = stepList();
  const end = h("div", { class: "view" });
  fill(progress, steps.element, end);
  try {
    const before = await contractOf(name);
    steps.tell({ step: "upload", state: "begun", elapsed: "", note: "" });
    const { digest, size: bytes } = await upload(file);
    steps.tell({ step: "upload", state: "done", elapsed: "", note: `${size(bytes)}, ${digest.slice(0, 19)}` });
    const service = `/v1/services/${encodeURIComponent(name)}`;
    const [path, body] = plan
      ? [`${service}/canary`, { component: digest, plan }]
      : [`${service}/revisions`, { component: digest, allow_breaking: breaking, ...routesOf(routes) }];
    const outcome = await change("POST", path, body, steps.tell);
    const done = plan ? `${outcome.revision} gets its first share` : sentence(outcome);
    say(done);
    const number = outcome.revision.split("@").at(-1);
    fill(end, h("p", { class: "good" }, done), difference(before, await contractOf(name, number)));
    await refresh();
  } catch (problem) {
    const [first, ...lines] = problem.message.split("\n");
    fill(end, h("p", { class: "alert" }, first), lines.length > 0 ? diffText(lines) : null);
    if (problem.message.includes("--allow-breaking")) onBreaking();
  }
}

function routesOf(text) {
  const routes = text
    .split(",")
    .map((route) => route.trim())
    .filter(Boolean);
  return routes.length > 0 ? { routes } : {};
}

function sentence({ outcome, revision, replaced }) {
  if (outcome === "unchanged") return `${revision} is the same and serves already`;
  return `${revision} serves${replaced ? ` instead of ${replaced}` : ""}`;
}

/** The contract of a revision; without a number, of the one that serves. */
async function contractOf(name, number) {
  const service = await get(`/v1/services/${encodeURIComponent(name)}`).catch(() => null);
  const chosen = number ?? service?.active;
  if (!chosen) return null;
  return (await get(`/v1/services/${encodeURIComponent(name)}/revisions/${chosen}`)).contract ?? null;
}

const KINDS = { "+": "added", "-": "removed", "~": "changed" };

/** Lines of a difference, as the host writes them. */
export function diffText(lines) {
  return h(
    "pre",
    { class: "diff", "aria-label": "What is different in the contract" },
    lines.map((line) => h("span", { class: KINDS[line.trimStart()[0]] ?? null }, line)),
  );
}
