// One service: its revisions and traffic, its contract, a form to call it, its policies, what it prints, its traces.

import { fill, h } from "../base/dom.js";
import { to } from "../base/router.js";
import { refresh, state, watch } from "../base/state.js";
import { attempt, say } from "../base/notice.js";
import { change } from "../base/api.js";
import { confirm } from "../base/dialog.js";
import { contractTab } from "../service/contract.js";
import { logsTab } from "../service/logs.js";
import { policiesTab } from "../service/policies.js";
import { revisionsTab } from "../service/revisions.js";
import { tryTab } from "../service/try.js";
import { openDeploy } from "../deploy/dialog.js";
import { serviceTraces } from "./traces.js";
import { stateOf } from "./overview.js";

const TABS = [
  ["", "Revisions", revisionsTab],
  ["contract", "Contract", contractTab],
  ["try", "Try it", tryTab],
  ["logs", "Logs", logsTab],
  ["traces", "Traces", serviceTraces],
  ["policies", "Policies", policiesTab],
];

export function service(name, tab = "") {
  const [, label, make] = TABS.find(([id]) => id === tab) ?? TABS[0];
  const head = h("div", { class: "title" });
  const trouble = h("div");
  const { element: inside, stop: stopTab } = make(name);
  const stop = watch(() => {
    if (!state.services) return;
    const found = state.services.find((each) => each.name === name);
    fill(head, heading(name, found));
    fill(
      trouble,
      found
        ? troubles(found)
        : h("p", { class: "alert mild" }, `There is no service \`${name}\` now. Drop a component here to deploy one.`),
    );
  });
  const element = h("div", { class: "view", "data-service": name }, head, trouble, tabs(name, tab), inside);
  const end = () => {
    stop();
    stopTab?.();
  };
  return { title: `${name}: ${label.toLowerCase()}`, element, stop: end };
}

function heading(name, found) {
  return [
    h("h1", {}, name),
    found ? stateOf(found) : null,
    found?.active ? h("span", { class: "mono dim" }, `${name}@${found.active}`) : null,
    h(
      "div",
      { class: "row" },
      h("button", { type: "button", onclick: () => openDeploy({ service: name }) }, "Deploy a revision"),
      found && canGoBack(found) ? h("button", { type: "button", onclick: () => rollback(name) }, "Roll back") : null,
      found ? h("button", { type: "button", class: "danger", onclick: () => drop(name) }, "Remove") : null,
    ),
  ];
}

const canGoBack = (found) => found.revisions.some(({ number }) => number < (found.active ?? 0));

function troubles(found) {
  return [
    found.failure ? h("p", { class: "alert" }, found.failure) : null,
    found.breaker
      ? h(
          "p",
          { class: "alert" },
          `The breaker is open after ${found.breaker.failures} failures; it lets a call try in ${found.breaker.remaining}.`,
        )
      : null,
    found.drift ? h("p", { class: "alert mild" }, `Not as runtime.toml says: ${found.drift}`) : null,
    ...found.links
      .filter((link) => link.problem)
      .map((link) => h("p", { class: link.required ? "alert" : "alert mild" }, `${link.interface}: ${link.problem}`)),
  ];
}

function tabs(name, tab) {
  return h(
    "nav",
    { class: "tabs", "aria-label": `About ${name}` },
    TABS.map(([id, label]) =>
      h(
        "a",
        {
          href: id ? to("services", name, id) : to("services", name),
          "aria-current": id === tab ? "page" : null,
        },
        label,
      ),
    ),
  );
}

async function rollback(name) {
  if (
    !(await confirm(
      `Roll ${name} back?`,
      "The newest retained revision before the active one serves instead. No call is lost.",
      "Roll back",
      false,
    ))
  )
    return;
  await attempt(async () => {
    const outcome = await change("POST", `/v1/services/${name}/rollback`, {});
    say(outcome.replaced ? `${outcome.revision} serves instead of ${outcome.replaced}` : `${outcome.revision} serves`);
    await refresh();
  });
}

async function drop(name) {
  if (
    !(await confirm(
      `Remove ${name}?`,
      "Its routes, its subscriptions and all its revisions go. Calls that are under way may end first.",
      "Remove",
    ))
  )
    return;
  await attempt(async () => {
    await change("DELETE", `/v1/services/${name}`);
    say(`${name} is gone`);
    location.hash = "#/";
    await refresh();
  });
}
