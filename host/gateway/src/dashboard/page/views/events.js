// What happened to services, the newest first.

import { fill, h, panel, table } from "../base/dom.js";
import { clock } from "../base/format.js";
import { state, watch } from "../base/state.js";

const BAD = /fail|trap|broke|lost|stuck/;

export function events() {
  const place = h("div");
  const filter = h("input", { type: "search", placeholder: "Filter", "aria-label": "Filter events" });
  const show = () => fill(place, eventTable(filter.value.toLowerCase()));
  filter.addEventListener("input", show);
  const element = h(
    "div",
    { class: "view" },
    h("h1", {}, "Events"),
    panel(h("div", { class: "row spread" }, h("h2", {}, "What happened"), filter), place),
  );
  return { title: "Events", element, stop: watch(show) };
}

function eventTable(wanted) {
  const found = state.events
    .filter((event) => `${event.service ?? ""} ${event.kind} ${event.message}`.toLowerCase().includes(wanted))
    .slice(0, 200);
  if (found.length === 0) return h("p", { class: "empty" }, "Nothing like that happened since the host started.");
  return table(
    "Events",
    [["Time"], ["Service"], ["What"], ["Message"]],
    found.map((event) => [
      h("span", { class: "mono nowrap", title: event.time }, clock(event.time)),
      event.service
        ? h(
            "a",
            { href: `#/services/${event.service}` },
            event.revision ? `${event.service}@${event.revision}` : event.service,
          )
        : "–",
      h("span", { class: BAD.test(event.kind) ? "mono bad nowrap" : "mono nowrap" }, event.kind),
      event.message,
    ]),
  );
}
