// The whole host at a glance: the graph, and the same in tables.

import { fill, h, panel, pill, table } from "../base/dom.js";
import { ago, duration, rate } from "../base/format.js";
import { to } from "../base/router.js";
import { state, watch } from "../base/state.js";
import { connectable, draw } from "../graph/view.js";
import { health, model } from "../graph/model.js";

export function overview() {
  const figures = h("section", { class: "panel", "aria-label": "The host in numbers" });
  const graph = h("div", { class: "graph" });
  connectable(graph);
  const numbers = h("span", { class: "hint" });
  const services = h("div");
  const links = h("div");
  const latest = h("div");
  const element = h(
    "div",
    { class: "view" },
    h("h1", { class: "out-of-sight" }, "Overview"),
    figures,
    panel(h("div", { class: "row spread" }, h("h2", {}, "Services, links and topics"), numbers), graph),
    panel("Services", services),
    h("div", { class: "columns" }, panel("Links", links), panel("Latest events", latest)),
  );

  const stop = watch(() => {
    if (!state.services) return;
    const shown = model(state);
    fill(figures, inNumbers());
    fill(graph, state.services.length === 0 ? nothing() : draw(shown, innerWidth < 760));
    fill(
      numbers,
      state.rates ? `rates and p99 of the last ${Math.max(1, Math.round(state.rates.seconds))} s` : "no numbers yet",
    );
    fill(services, serviceTable());
    fill(links, linkTable(shown.edges));
    fill(latest, eventList());
  });
  return { title: "Overview", element, stop };
}

const nothing = () => h("p", { class: "empty" }, "There is no service yet. Press Deploy, or drop a component here.");

/** All calls that come from outside or go between services, and how many of them fail. */
function totals() {
  if (!state.rates) return null;
  const links = [...state.rates.links.values()];
  const sum = (name) => links.reduce((all, link) => all + link[name], 0);
  return { calls: sum("calls"), faults: sum("faults") };
}

function inNumbers() {
  const bad = state.services.filter((service) => health(service) === "bad").length;
  const dead = state.subscriptions.reduce((sum, subscription) => sum + subscription.dead_letters, 0);
  const flow = totals();
  const figures = [
    ["Services", [state.services.length, bad > 0 ? h("small", { class: "bad" }, ` ${bad} down`) : null]],
    ["Instances", state.host.usage.instances],
    ["Calls", flow ? rate(flow.calls) : "–"],
    ["Faults", flow ? h("span", { class: flow.faults > 0 ? "bad" : null }, rate(flow.faults)) : "–"],
    ["Being served", state.services.reduce((sum, service) => sum + service.calls, 0)],
    ["Waiting", state.services.reduce((sum, service) => sum + service.waiting, 0)],
    ["Dead letters", dead > 0 ? h("a", { href: "#/dead-letters" }, dead) : 0],
  ];
  return h(
    "dl",
    { class: "figures" },
    figures.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
  );
}

/** What came to a service from all its callers. */
function incoming(name) {
  if (!state.rates) return null;
  const links = [...state.rates.links].filter(([key]) => key.endsWith(`>${name}`)).map(([, link]) => link);
  const calls = links.reduce((sum, link) => sum + link.calls, 0);
  return {
    calls,
    faults: links.reduce((sum, link) => sum + link.faults, 0),
    p99: Math.max(...links.map((link) => link.p99 ?? 0), 0),
  };
}

function serviceTable() {
  const columns = [
    ["Service"],
    ["State"],
    ["Revision"],
    ["Rate", true],
    ["p99", true],
    ["Faults", true],
    ["Instances", true],
    ["Routes"],
    ["Deployed"],
  ];
  return table(
    "Services",
    columns,
    state.services.map((service) => {
      const flow = incoming(service.name);
      const active = service.revisions.find((revision) => revision.active);
      const live = service.revisions.reduce((sum, { instances }) => sum + (instances?.live ?? 0), 0);
      return [
        h("a", { href: to("services", service.name) }, service.name),
        stateOf(service),
        active ? `@${active.number}` : "–",
        flow ? rate(flow.calls) : "–",
        flow && flow.calls > 0 ? duration(flow.p99) : "–",
        flow ? h("span", { class: flow.faults > 0 ? "bad" : null }, rate(flow.faults)) : "–",
        live,
        h("span", { class: "mono" }, [...service.routes.declared, ...service.routes.deployed].join("  ") || "–"),
        h("span", { class: "nowrap" }, active ? ago(active.created) : "–"),
      ];
    }),
  );
}

/** The state of a service in a word. */
export function stateOf(service) {
  if (service.active === undefined) return pill("down", "bad");
  if (service.breaker) return pill("breaker open", "bad");
  if (service.canary) return pill(`canary ${service.canary.share}`, "warn");
  return pill("serving", "good");
}

function linkTable(edges) {
  const unlinked = state.services.flatMap((service) =>
    service.links.filter((link) => !link.service).map((link) => ({ service, link })),
  );
  const rows = edges.map((edge) => {
    const flow = edge.rates;
    const [from, target] = [edge.from, edge.to].map(nameOf);
    const what = edge.kind === "event" ? "messages" : edge.interfaces.join(", ") || "requests";
    return [
      h("span", { class: "nowrap" }, `${from} → ${target}`),
      h("span", { class: "mono" }, what),
      edge.kind === "event" ? rate(edge.flow) : flow ? rate(flow.calls) : "–",
      flow?.p99 ? duration(flow.p99) : "–",
      flow?.faults > 0
        ? h(
            "span",
            { class: "bad", title: flow.kinds.map(([kind, each]) => `${kind} ${rate(each)}`).join(", ") },
            rate(flow.faults),
          )
        : "–",
    ];
  });
  rows.push(
    ...unlinked.map(({ service, link }) => [
      `${service.name} → ?`,
      h("span", { class: "mono" }, link.interface),
      h("span", { class: link.required ? "bad" : "warn" }, link.problem),
      "",
      "",
    ]),
  );
  if (rows.length === 0) return h("p", { class: "empty" }, "Nobody calls anybody.");
  return table("Links", [["From and to"], ["What"], ["Rate", true], ["p99", true], ["Faults", true]], rows);
}

const nameOf = (id) => (id === "outside" ? "outside" : id.slice(id.indexOf(":") + 1));

function eventList() {
  if (state.events.length === 0) return h("p", { class: "empty" }, "Nothing happened yet.");
  return table(
    "Latest events",
    [["When"], ["What happened"]],
    state.events
      .slice(0, 8)
      .map((event) => [
        h("span", { class: "nowrap dim" }, ago(event.time)),
        [
          event.service ? h("a", { href: to("services", event.service) }, event.service) : null,
          " ",
          event.message.split("\n")[0],
        ],
      ]),
  );
}
