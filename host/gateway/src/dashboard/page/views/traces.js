// Traces: which there were, and one as a waterfall.

import { fill, h, panel, table } from "../base/dom.js";
import { getIfThere } from "../base/api.js";
import { clock, duration } from "../base/format.js";
import { waterfall } from "../traces/waterfall.js";

const LIMIT = 100;

export function traces(id) {
  if (id) return oneTrace(id);
  const list = traceList("");
  return {
    title: "Traces",
    element: h("div", { class: "view" }, h("h1", {}, "Traces"), list.element),
    stop: list.stop,
  };
}

/** The traces that passed a service. */
export const serviceTraces = (name) => traceList(name);

function traceList(service) {
  const place = h("div", {}, h("p", { class: "wait" }, "Loading"));
  const faulted = h("input", { type: "checkbox" });
  const load = async () => {
    const query = new URLSearchParams({
      limit: String(LIMIT),
      ...(service && { service }),
      ...(faulted.checked && { faulted: "true" }),
    });
    try {
      const found = await getIfThere(`/v1/traces?${query}`);
      fill(place, found ? traceTable(found) : h("p", { class: "empty" }, "This host keeps no traces."));
    } catch (problem) {
      fill(place, h("p", { class: "empty" }, problem.message));
    }
  };
  faulted.addEventListener("change", load);
  load();
  const timer = setInterval(() => document.hidden || load(), 3000);
  const heading = h(
    "div",
    { class: "row spread" },
    h("h2", {}, service ? `Traces that passed ${service}` : "The newest traces"),
    h("label", { class: "check" }, faulted, "Only those with faults"),
  );
  return { element: panel(heading, place), stop: () => clearInterval(timer) };
}

function traceTable(found) {
  if (found.length === 0)
    return h("p", { class: "empty" }, "There is none yet. Traces are kept for a while once calls are sampled.");
  return table(
    "Traces",
    [["Trace"], ["Time"], ["Services"], ["Spans", true], ["Took", true], ["Faults", true]],
    found.map((trace) => [
      [h("a", { href: `#/traces/${trace.trace}` }, trace.name), h("div", { class: "mono dim" }, trace.trace)],
      h("span", { class: "mono nowrap" }, clock(trace.start)),
      trace.services.join(", "),
      [
        trace.spans,
        trace.incomplete ? h("span", { class: "dim", title: "Some of its spans are not kept" }, " +") : null,
      ],
      duration(trace.duration_seconds),
      trace.faults > 0 ? h("span", { class: "bad" }, trace.faults) : 0,
    ]),
  );
}

function oneTrace(id) {
  const place = h("div", { class: "view" }, h("p", { class: "wait" }, "Loading"));
  getIfThere(`/v1/traces/${encodeURIComponent(id)}`).then(
    (trace) => {
      fill(
        place,
        trace
          ? waterfall(trace)
          : panel("Trace", h("p", { class: "empty" }, "The host does not keep this trace any longer.")),
      );
    },
    (problem) => fill(place, panel("Trace", h("p", { class: "empty" }, problem.message))),
  );
  const head = h(
    "div",
    { class: "title" },
    h("h1", {}, "Trace"),
    h("span", { class: "mono dim" }, id),
    h("div", { class: "row" }, h("a", { href: "#/traces" }, "All traces")),
  );
  return { title: "Trace", element: h("div", { class: "view" }, head, place) };
}
