// The graph as a picture. Services are links, so that the keyboard reaches them and screen readers name them; the tables
// below the picture say the same in words.

import { s } from "../base/dom.js";
import { duration, many, rate } from "../base/format.js";
import { to } from "../base/router.js";
import { curve, labelPlace, layout } from "./layout.js";

const HEIGHT = 46;

/** Draws the model into an SVG element. */
export function draw({ nodes, edges }, narrow = false) {
  const sized = nodes.map((node) => ({ ...node, width: widthOf(node), height: HEIGHT }));
  const placed = layout(sized, edges, narrow ? { gap: 96, beside: 14 } : {});
  const picture = s(
    "svg",
    {
      viewBox: `0 0 ${Math.ceil(placed.width)} ${Math.ceil(placed.height)}`,
      width: Math.ceil(placed.width),
      height: Math.ceil(placed.height),
      role: "group",
      "aria-label": "Graph of services, links and topics. The tables below say the same.",
    },
    arrow(),
  );
  picture.append(
    ...placed.edges.map(drawEdge),
    ...placed.nodes.map(drawNode),
    ...placed.edges.map(drawLabel).filter(Boolean),
  );
  return picture;
}

/** Shows what is connected with a node while somebody points at it or has reached it with the keyboard. */
export function connectable(place) {
  const choose = (event) => {
    const id = event.target.closest?.(".node")?.dataset.id;
    const on = Boolean(id) && (event.type === "mouseover" || event.type === "focusin");
    place.classList.toggle("choosing", on);
    const near = new Set([id]);
    for (const edge of place.querySelectorAll(".edge")) {
      const is = on && (edge.dataset.from === id || edge.dataset.to === id);
      edge.classList.toggle("near", is);
      if (is) near.add(edge.dataset.from).add(edge.dataset.to);
    }
    for (const node of place.querySelectorAll(".node")) node.classList.toggle("near", on && near.has(node.dataset.id));
  };
  for (const type of ["mouseover", "mouseout", "focusin", "focusout"]) place.addEventListener(type, choose);
}

const widthOf = ({ name }) => Math.max(118, 34 + 7.6 * name.length);

function arrow() {
  return s(
    "defs",
    {},
    s(
      "marker",
      { id: "arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" },
      s("path", { d: "M0,0.5 L8,4 L0,7.5 z" }),
    ),
  );
}

function drawNode(node) {
  const at = {
    transform: `translate(${Math.round(node.x - node.width / 2)},${Math.round(node.y - node.height / 2)})`,
    "data-id": node.id,
  };
  const box = s("rect", { width: node.width, height: node.height, rx: node.kind === "topic" ? 23 : 7 });
  const title = s("text", { class: "name", x: node.kind === "service" ? 26 : 14, y: 20 }, node.name);
  if (node.kind !== "service") {
    const note = s("text", { class: "note", x: 14, y: 36 }, node.kind === "topic" ? "topic" : "callers");
    if (node.kind === "outside") return s("g", { ...at, class: "node outside" }, box, title, note);
    return s(
      "a",
      { ...at, class: "node topic", href: "#/topics", "aria-label": `${node.name} topic` },
      box,
      title,
      note,
    );
  }
  const { text, bad } = noteOf(node.service);
  return s(
    "a",
    { ...at, class: "node service", href: to("services", node.name), "aria-label": `Service ${node.name}, ${text}` },
    box,
    s("circle", { class: `health ${node.health}`, cx: 15, cy: 15.5, r: 4.5 }),
    title,
    s("text", { class: `note${bad ? " bad" : ""}`, x: 14, y: 36 }, text),
  );
}

function noteOf(service) {
  if (service.active === undefined) return { text: "cannot serve", bad: true };
  if (service.breaker) return { text: "breaker open", bad: true };
  if (service.canary) return { text: `canary ${service.canary.share}`, bad: false };
  const live = service.revisions.find(({ active }) => active)?.instances?.live ?? 0;
  return { text: `@${service.active} · ${many(live, "inst.", "inst.")}`, bad: false };
}

function drawEdge(edge) {
  const { kinds } = labelOf(edge);
  const line = s("path", { d: curve(edge.points), "marker-end": "url(#arrow)", "stroke-width": thickness(edge) });
  return s(
    "g",
    {
      class: ["edge", edge.kind === "event" ? "event" : "", ...kinds].join(" ").trim(),
      "data-from": edge.from,
      "data-to": edge.to,
      "aria-hidden": "true",
    },
    line,
  );
}

/** What is written at an edge lies above everything else, so that nothing hides it. */
function drawLabel(edge) {
  const { kinds, lines } = labelOf(edge);
  const place = labelPlace(edge.points);
  if (lines.length === 0 || !place) return null;
  const [x, y] = [Math.round(place.x), Math.round(place.y - 4 - 12 * (lines.length - 1))];
  return s(
    "g",
    { class: ["edge", ...kinds].join(" "), "data-from": edge.from, "data-to": edge.to, "aria-hidden": "true" },
    s(
      "text",
      { x, y },
      lines.map((line, at) => s("tspan", { x, dy: at === 0 ? 0 : 12 }, line)),
    ),
  );
}

/** What is written at an edge. */
export function labelOf(edge) {
  const { rates } = edge;
  if (edge.kind === "event") {
    const kinds = edge.waits ? ["broken"] : edge.flow > 0 ? ["live"] : [];
    return {
      kinds,
      lines: [edge.flow > 0 ? rate(edge.flow) : "", edge.lag > 0 ? `${edge.lag} behind` : ""].filter(Boolean),
    };
  }
  if (!rates || rates.calls === 0) return { kinds: [], lines: [] };
  const faults = rates.faults > 0 ? `${rate(rates.faults)} faults` : "";
  return {
    kinds: [rates.faults > 0 ? "faulty" : "live"],
    lines: [`${rate(rates.calls)} · ${duration(rates.p99)}`, faults].filter(Boolean),
  };
}

/** Thicker where more goes by, by orders of magnitude. */
function thickness({ rates, flow = rates?.calls ?? 0 }) {
  return flow > 0 ? Math.min(5, 1.4 + Math.log10(1 + flow)).toFixed(1) : null;
}
