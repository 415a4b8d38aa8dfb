// A trace as a waterfall: a row for each span, with a bar where it lies in time.

import { facts, fill, h, panel } from "../base/dom.js";
import { duration, many } from "../base/format.js";
import { rows, traceOf } from "./spans.js";

export function waterfall(trace) {
  const detail = h(
    "div",
    { class: "inside", role: "status" },
    h("p", { class: "dim" }, "Choose a span to see what it carries."),
  );
  const choose = (span, button) => {
    for (const other of list.querySelectorAll("[aria-pressed]"))
      other.setAttribute("aria-pressed", String(other === button));
    fill(detail, detailOf(span));
  };
  const shown = rows(trace);
  const list = h(
    "ol",
    { class: "waterfall" },
    shown.map((row) => rowOf(row, choose)),
  );
  const heading = h(
    "div",
    { class: "row spread" },
    h("h2", {}, many(shown.length, "span")),
    h("span", { class: "hint" }, duration(trace.duration_seconds)),
  );
  return [panel(heading, list), panel("Span", detail)];
}

function rowOf({ span, depth, begin, length }, choose) {
  const bar = h("span", { class: `bar-of-span ${span.kind}${span.fault ? " fault" : ""}` });
  bar.style.left = `${Math.min(100 * begin, 99.5)}%`;
  bar.style.width = `max(2px, ${100 * length}%)`;
  const name = h("span", { class: "span-name" }, span.service ? h("strong", {}, `${span.service} `) : null, span.name);
  name.style.paddingLeft = `${14 * Math.min(depth, 12)}px`;
  const button = h(
    "button",
    { type: "button", class: "quiet", "aria-pressed": "false", onclick: () => choose(span, button) },
    name,
    h("span", { class: "lane", "aria-hidden": "true" }, bar),
    h(
      "span",
      { class: "took" },
      duration(span.duration_seconds),
      span.fault ? h("span", { class: "out-of-sight" }, `, failed: ${span.fault.kind}`) : null,
    ),
  );
  return h("li", {}, button);
}

function detailOf(span) {
  const pairs = [
    ["Service", span.revision ? `${span.service}@${span.revision}` : span.service],
    ["Kind", span.kind],
    ["Took", duration(span.duration_seconds)],
    ["Began", `${duration(span.offset_seconds)} after the trace`],
    ["Call", span.call],
    ["Made by the service", span.own && nameOf(span.own.scope)],
    ["Says that it succeeded", span.own?.succeeded ? "yes" : null],
    ["Left out", span.own?.left_out && leftOut(span.own.left_out)],
    ...Object.entries(span.attributes).map(([name, value]) => [name, h("span", { class: "mono" }, String(value))]),
  ];
  return [
    h("h3", {}, span.name),
    span.fault ? h("p", { class: "alert" }, `${span.fault.kind}: ${span.fault.details ?? span.fault.message}`) : null,
    facts(pairs),
    span.events.length > 0
      ? [
          h("h3", {}, "What happened in it"),
          facts(
            span.events.map((event) => [
              duration(event.offset_seconds),
              [h("code", {}, event.name), " ", said(event.attributes)],
            ]),
          ),
        ]
      : null,
    span.link ? h("p", {}, "Made for a span of another trace: ", linkTo(span.link)) : null,
    (span.own?.links ?? []).map((link) =>
      h("p", {}, "Has to do with ", linkTo(link.traceparent), " ", said(link.attributes)),
    ),
  ];
}

const linkTo = (traceparent) =>
  h("a", { class: "mono", href: `#/traces/${traceOf(traceparent)}` }, traceOf(traceparent));

const nameOf = ({ name, version }) => [name, version].filter(Boolean).join(" ") || "by itself";

const leftOut = ({ attributes, events, links }) =>
  `${many(attributes, "attribute")}, ${many(events, "event")}, ${many(links, "link")}`;

const said = (attributes) =>
  h(
    "span",
    { class: "dim mono" },
    Object.entries(attributes)
      .map(([name, value]) => `${name}=${value}`)
      .join(" "),
  );
