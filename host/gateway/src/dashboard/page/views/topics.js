// Topics, who reacts to them, and what goes by.

import { fill, h, panel, pill, table } from "../base/dom.js";
import { follow } from "../base/follow.js";
import { clock, rate, short, size } from "../base/format.js";
import { state, watch } from "../base/state.js";

export function topics() {
  const trouble = h("div");
  const declared = h("div");
  const subscriptions = h("div");
  const tail = tailPanel();
  const element = h(
    "div",
    { class: "view" },
    h("h1", {}, "Topics"),
    trouble,
    panel("Declared topics", declared),
    panel("Subscriptions", subscriptions),
    tail.element,
  );
  const stop = watch(() => {
    fill(trouble, state.bus ? h("p", { class: "alert" }, `No messages can go through: ${state.bus}`) : null);
    fill(declared, topicTable());
    fill(subscriptions, subscriptionTable());
  });
  const end = () => {
    stop();
    tail.stop();
  };
  return { title: "Topics", element, stop: end };
}

function topicTable() {
  if (state.topics.length === 0)
    return h(
      "p",
      { class: "empty" },
      "No topic is declared. Every other topic is volatile, and is there without being declared.",
    );
  return table(
    "Declared topics",
    [
      ["Topic"],
      ["Level"],
      ["Messages", true],
      ["Size", true],
      ["Kept"],
      ["When full"],
      ["Publishers"],
      ["Published", true],
      ["Delivered", true],
    ],
    state.topics.map((topic) => {
      const flow = state.rates?.topics.get(topic.topic);
      return [
        h("span", { class: "mono" }, topic.topic),
        [
          pill(topic.settings.level, topic.settings.level === "durable" ? "accent" : ""),
          topic.drift.length > 0 ? h("p", { class: "warn" }, topic.drift.join("; ")) : null,
        ],
        topic.stored ? short(topic.stored.messages) : "–",
        topic.stored ? size(topic.stored.bytes) : "–",
        `${topic.settings.retention.age}, ${topic.settings.retention.size}`,
        topic.settings.retention.when_full,
        topic.settings.publishers?.join(", ") ?? "any",
        flow ? rate(flow.published) : "–",
        flow ? rate(flow.delivered) : "–",
      ];
    }),
  );
}

function subscriptionTable() {
  if (state.subscriptions.length === 0) return h("p", { class: "empty" }, "No service reacts to a topic.");
  return table(
    "Subscriptions",
    [
      ["Service"],
      ["Topic"],
      ["Group"],
      ["State"],
      ["Behind", true],
      ["At work", true],
      ["Waiting to retry", true],
      ["Done", true],
      ["Retried", true],
      ["Dead letters", true],
    ],
    state.subscriptions.map((each) => [
      h("a", { href: `#/services/${each.service}` }, each.service),
      h("span", { class: "mono" }, each.topic),
      each.group,
      [
        pill(each.state, each.state === "active" ? "good" : "warn"),
        each.reason ? h("p", { class: "warn" }, each.reason) : null,
      ],
      each.lag,
      each.in_flight,
      each.retrying,
      short(each.acknowledged),
      short(each.retried),
      each.dead_letters > 0 ? h("a", { href: `#/dead-letters/${each.service}` }, each.dead_letters) : 0,
    ]),
  );
}

const MOST = 200;

/** Messages as they go by, once somebody asks for them. */
function tailPanel() {
  const list = h("div", {
    class: "log",
    tabindex: 0,
    role: "log",
    "aria-label": "Messages that go by",
    "aria-live": "off",
    hidden: true,
  });
  const filter = h("input", {
    value: ">",
    required: true,
    "aria-label": "Topics to watch",
    spellcheck: "false",
    class: "mono",
  });
  const button = h("button", { type: "submit" }, "Watch");
  let stop = () => {};
  let on = false;
  const form = h("form", { class: "row" }, filter, button);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    stop();
    on = !on;
    button.textContent = on ? "Stop" : "Watch";
    if (!on) return;
    list.hidden = false;
    list.replaceChildren();
    stop = follow(
      `/v1/tail?topic=${encodeURIComponent(filter.value)}`,
      ["message", "missed", "unreadable"],
      (kind, message) => {
        list.append(lineOf(kind, message));
        if (list.children.length > MOST) list.firstElementChild.remove();
        list.scrollTop = list.scrollHeight;
      },
    );
  });
  const element = panel(h("div", { class: "row spread" }, h("h2", {}, "What goes by"), form), list);
  return { element, stop: () => stop() };
}

function lineOf(kind, message) {
  if (kind === "missed") return h("div", { class: "dim" }, `${message.count} messages were missed`);
  if (kind === "unreadable") return h("div", { class: "warn" }, `${message.topic}: ${message.problem}`);
  const { event } = message;
  const data =
    event.data === undefined
      ? (event.data_base64 ?? "")
      : typeof event.data === "string"
        ? event.data
        : JSON.stringify(event.data);
  return h(
    "div",
    {},
    h("time", { class: "dim" }, clock(message.stored)),
    h("span", { class: "level" }, message.sequence ?? ""),
    h("span", { class: "text" }, h("span", { class: "dim" }, `${message.topic} `), data),
  );
}
