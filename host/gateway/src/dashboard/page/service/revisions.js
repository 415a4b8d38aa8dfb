// The revisions of a service, how traffic is split among them, and the canary that is under way.

import { fill, h, panel, pill, table } from "../base/dom.js";
import { change } from "../base/api.js";
import { ago, digest, rate, duration, short, size } from "../base/format.js";
import { attempt, say } from "../base/notice.js";
import { refresh, state, watch } from "../base/state.js";
import { canaryPanel, openCanary } from "./canary.js";

export function revisionsTab(name) {
  const figures = h("section", { class: "panel", "aria-label": `${name} in numbers` });
  const split = h("div");
  const canary = h("div");
  const revisions = h("div");
  const neighbours = h("div");
  const element = h("div", { class: "view" }, figures, canary, panel("Revisions", split, revisions), neighbours);
  const stop = watch(() => {
    const found = state.services?.find((service) => service.name === name);
    if (!found) return;
    fill(figures, inNumbers(found));
    fill(split, splitBar(found));
    fill(canary, found.canary ? canaryPanel(found) : null);
    fill(revisions, revisionTable(found));
    fill(neighbours, around(found));
  });
  return { element, stop };
}

function inNumbers(found) {
  const { live, idle, memory } = held(found);
  const figures = [
    ["Being served", found.calls],
    ["Waiting", found.waiting],
    ["Instances", [live, h("small", {}, ` ${idle} idle`)]],
    ["Memory", size(memory)],
    ["Retries", short(found.counts.retries)],
    ["Refused", short(refused(found.counts))],
    ["Fallbacks", short(found.counts.fallbacks)],
  ];
  return h(
    "dl",
    { class: "figures" },
    figures.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
  );
}

/** Its instances and what they take of memory: as of this second while the host is followed, and else as of the last time
 * that it was asked. */
function held(found) {
  const now = state.rates?.services.get(found.name);
  if (now) return { live: now.busy + now.idle, idle: now.idle, memory: now.memory_bytes };
  const sum = (name) => found.revisions.reduce((all, { instances }) => all + (instances?.[name] ?? 0), 0);
  return { live: sum("live"), idle: sum("idle"), memory: found.memory_bytes };
}

const refused = (counts) =>
  counts.unauthenticated + counts.denied + counts.rate_limited + counts.overloaded + counts.broken_off;

/** Which share of the calls goes where. */
export function shares(found) {
  const candidate = found.canary ? Number.parseFloat(found.canary.share) : 0;
  return found.revisions
    .filter((revision) => revision.active || revision.candidate)
    .map((revision) => ({ revision, percent: revision.candidate && !revision.active ? candidate : 100 - candidate }));
}

function splitBar(found) {
  const parts = shares(found);
  if (parts.length === 0) return null;
  const text = parts.map(({ revision, percent }) => `${revision.revision} gets ${percent} %`).join(", ");
  const width = (percent, element) => {
    element.style.flexGrow = percent;
    return element;
  };
  return h(
    "div",
    { class: "split", role: "img", "aria-label": `Traffic: ${text}` },
    parts.map(({ revision, percent }) =>
      width(
        percent,
        h("div", { class: revision.candidate ? "candidate" : "stable" }, `@${revision.number} ${percent} %`),
      ),
    ),
  );
}

function revisionTable(found) {
  const columns = [
    ["Revision"],
    ["State"],
    ["Component"],
    ["Size", true],
    ["Instances", true],
    ["Memory", true],
    ["From"],
    ["Deployed"],
    ["Actions"],
  ];
  const rows = [...found.revisions]
    .reverse()
    .map((revision) => [
      h("span", { class: "mono nowrap" }, revision.revision),
      revision.active
        ? pill("active", "good")
        : revision.candidate
          ? pill("canary", "warn")
          : pill(revision.compiled ? "retained" : "not compiled"),
      h("span", { class: "mono", title: revision.component }, digest(revision.component)),
      size(revision.size),
      revision.instances
        ? [revision.instances.live, h("span", { class: "dim" }, ` (${revision.instances.idle} idle)`)]
        : "–",
      revision.instances ? h("span", { class: "nowrap" }, size(revision.instances.memory_bytes)) : "–",
      revision.origin === "file" ? "runtime.toml" : "API",
      h("span", { class: "nowrap", title: revision.created }, ago(revision.created)),
      actions(found, revision),
    ]);
  if (rows.length === 0) return h("p", { class: "empty" }, "No revision is retained.");
  return table(`Revisions of ${found.name}`, columns, rows);
}

function actions(found, revision) {
  if (revision.active || revision.candidate) return "";
  const label = `@${revision.number}`;
  return h(
    "div",
    { class: "row" },
    h(
      "button",
      {
        type: "button",
        class: "small",
        "aria-label": `Activate ${label}`,
        onclick: () => activate(found.name, revision.number),
      },
      "Activate",
    ),
    found.canary || !found.active
      ? null
      : h(
          "button",
          {
            type: "button",
            class: "small",
            "aria-label": `Try ${label} as a canary`,
            onclick: () => openCanary(found, revision),
          },
          "Canary",
        ),
  );
}

async function activate(name, revision) {
  await attempt(async () => {
    const outcome = await change("POST", `/v1/services/${name}/activate`, { revision });
    say(`${outcome.revision} serves`);
    await refresh();
  });
}

/** Who calls it and whom it calls. */
function around(found) {
  const link = (name) => h("a", { href: `#/services/${name}` }, name);
  const flow = (caller, service) => {
    const rates = state.rates?.links.get(`${caller}>${service}`);
    return rates && rates.calls > 0
      ? h(
          "span",
          { class: "dim" },
          `${rate(rates.calls)} · p99 ${duration(rates.p99)}${rates.faults > 0 ? ` · ${rate(rates.faults)} faults` : ""}`,
        )
      : null;
  };
  const calls = found.links.map((each) =>
    h(
      "li",
      { class: "row" },
      each.service ? link(each.service) : h("span", { class: "bad" }, "nobody"),
      h("span", { class: "mono dim" }, each.interface),
      each.service ? flow(found.name, each.service) : null,
    ),
  );
  const callers = found.called_by.map((each) => h("li", { class: "row" }, link(each), flow(each, found.name)));
  const routes = [
    ...found.routes.declared.map((route) => [route, "runtime.toml"]),
    ...found.routes.deployed.map((route) => [route, "deployment"]),
  ].map(([route, from]) =>
    h("li", { class: "row" }, h("span", { class: "mono" }, route), h("span", { class: "dim" }, from)),
  );
  const subscriptions = state.subscriptions
    .filter((each) => each.service === found.name)
    .map((each) =>
      h(
        "li",
        { class: "row" },
        h("span", { class: "mono" }, each.topic),
        pill(each.state, each.state === "active" ? "good" : "warn"),
        h("span", { class: "dim" }, `${each.lag} behind, ${each.dead_letters} dead`),
      ),
    );
  const lists = [
    ["Calls", calls],
    ["Called by", callers],
    ["Routes", routes],
    ["Subscriptions", subscriptions],
  ];
  return h(
    "div",
    { class: "columns" },
    lists
      .filter(([, items]) => items.length > 0)
      .map(([title, items]) => panel(title, h("div", { class: "inside" }, h("ul", { class: "list" }, items)))),
  );
}
