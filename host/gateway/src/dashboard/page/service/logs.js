// What a service prints, as it prints it.

import { h, panel } from "../base/dom.js";
import { follow } from "../base/follow.js";
import { clock } from "../base/format.js";

/** Lines that are kept in the page. */
const MOST = 1000;

export function logsTab(name) {
  const list = h("div", {
    class: "log",
    tabindex: 0,
    role: "log",
    "aria-label": `What ${name} prints`,
    "aria-live": "off",
  });
  const filter = h("input", { type: "search", placeholder: "Filter", "aria-label": "Filter lines" });
  const level = h(
    "select",
    { "aria-label": "Least level" },
    ["all", "debug", "info", "warn", "error"].map((each) => h("option", {}, each)),
  );
  const stay = h("input", { type: "checkbox", checked: true });
  const status = h("span", { class: "hint", role: "status" }, "connecting");
  const lines = [];

  const show = (line) => {
    line.element.hidden = !isWanted(line.record, filter.value, level.value);
  };
  const refilter = () => lines.forEach(show);
  filter.addEventListener("input", refilter);
  level.addEventListener("change", refilter);

  const add = (kind, record) => {
    const line =
      kind === "log"
        ? { record, element: lineOf(record) }
        : { record: { line: "" }, element: h("div", { class: "dim" }, `${record.count} lines were missed`) };
    lines.push(line);
    show(line);
    list.append(line.element);
    if (lines.length > MOST) lines.shift().element.remove();
    if (stay.checked) scrollSoon();
  };
  let scrolling = false;
  const scrollSoon = () => {
    if (scrolling) return;
    scrolling = true;
    requestAnimationFrame(() => {
      scrolling = false;
      list.scrollTop = list.scrollHeight;
    });
  };
  const stop = follow(
    `/v1/logs?follow=true&service=${encodeURIComponent(name)}`,
    ["log", "missed"],
    add,
    (connected) => {
      status.textContent = connected ? "live" : "broken off; connecting again";
    },
  );
  const heading = h(
    "div",
    { class: "row spread" },
    h("div", { class: "row" }, h("h2", {}, "Logs"), status),
    h("div", { class: "row" }, filter, level, h("label", { class: "check" }, stay, "Follow")),
  );
  return { element: panel(heading, list), stop };
}

const LEVELS = ["trace", "debug", "info", "warn", "error", "critical"];

/** Whether a line is to be seen. What has no level counts as `info`, and what came by stderr too. */
export function isWanted(record, text, level) {
  const fits = `${record.line} ${record.context ?? ""} ${record.call ?? ""}`
    .toLowerCase()
    .includes(text.trim().toLowerCase());
  return fits && (level === "all" || LEVELS.indexOf(record.level ?? "info") >= LEVELS.indexOf(level));
}

function lineOf(record) {
  const { trace } = record;
  const mark = record.level ?? (record.stream === "stderr" ? "stderr" : "");
  return h(
    "div",
    { class: record.level ?? record.stream },
    h("time", { class: "dim", datetime: record.time }, clock(record.time)),
    h("span", { class: "level" }, mark),
    h(
      "span",
      { class: "text" },
      record.context ? h("span", { class: "dim" }, `${record.context}: `) : null,
      record.line,
    ),
    trace
      ? h("a", { class: "dim", href: `#/traces/${trace}` }, "trace")
      : record.call
        ? h("span", { class: "dim call" }, record.call.replace(/^0+/, "#"))
        : null,
  );
}
