// The parts of the dashboard that need no browser: layout, types, values, rates, streams, differences. They are pure, so a
// table of cases says what they do.

import assert from "node:assert/strict";
import { test } from "node:test";

import { duration, rate, short, size } from "../../host/gateway/src/dashboard/page/base/format.js";
import { between, quantile, subscriptionRates } from "../../host/gateway/src/dashboard/page/base/rates.js";
import { parts } from "../../host/gateway/src/dashboard/page/base/router.js";
import { reader } from "../../host/gateway/src/dashboard/page/base/sse.js";
import { differences } from "../../host/gateway/src/dashboard/page/deploy/difference.js";
import { nameOf } from "../../host/gateway/src/dashboard/page/deploy/name.js";
import { rough } from "../../host/gateway/src/dashboard/page/deploy/rough.js";
import { curve, layout } from "../../host/gateway/src/dashboard/page/graph/layout.js";
import { fits, model } from "../../host/gateway/src/dashboard/page/graph/model.js";
import { rows, traceOf } from "../../host/gateway/src/dashboard/page/traces/spans.js";
import { isKnown, parseFunction, parseType } from "../../host/gateway/src/dashboard/page/wit/parse.js";
import { split, witText } from "../../host/gateway/src/dashboard/page/wit/text.js";
import { fromText, initial, ofCase, some } from "../../host/gateway/src/dashboard/page/wit/value.js";

function node(id) {
  return { id, width: 100, height: 40 };
}

function edges(...pairs) {
  return pairs.map((pair) => ({ from: pair[0], to: pair[1] }));
}

test("callers stand before those they call, and nothing overlaps", () => {
  for (const [ids, pairs] of [
    ["a", []],
    ["ab", ["ab"]],
    ["abcd", ["ab", "bc", "cd", "ad"]],
    ["abcdef", ["ab", "ac", "ad", "be", "ce", "de", "af", "ef"]],
    ["abc", ["ab", "bc", "ca"]],
    ["ab", ["aa", "ab", "ba"]],
  ]) {
    const placed = layout([...ids].map(node), edges(...pairs));
    const at = Object.fromEntries(placed.nodes.map((each) => [each.id, each]));
    assert.equal(placed.nodes.length, ids.length);
    for (const one of placed.nodes) {
      assert.ok(
        one.x - 50 >= 0 && one.x + 50 <= placed.width && one.y - 20 >= 0 && one.y + 20 <= placed.height,
        one.id,
      );
      for (const other of placed.nodes) {
        const apart = one === other || Math.abs(one.x - other.x) >= 100 || Math.abs(one.y - other.y) >= 40;
        assert.ok(apart, `${ids} ${pairs}: ${one.id} and ${other.id}`);
      }
    }
    const backwards = placed.edges.filter(({ from, to }) => at[from].x >= at[to].x).length;
    assert.equal(backwards, pairs.includes("ca") || pairs.includes("ba") ? 1 : 0, `${pairs}`);
    for (const edge of placed.edges) {
      assert.equal(edge.points[0][1], at[edge.from].y);
      assert.equal(edge.points.at(-1)[1], at[edge.to].y);
      assert.match(curve(edge.points), /^M-?\d+,-?\d+( C(-?[\d.]+,-?\d+ ?){3})+$/);
    }
  }
  assert.deepEqual(layout([], []), { width: 0, height: 0, nodes: [], edges: [] });
});

test("the layout is the same for the same graph, in whatever order it comes", () => {
  const [ids, pairs] = [[..."abcdef"], edges("ab", "ac", "bd", "cd", "ae", "ef")];
  const places = (placed) => placed.nodes.map(({ id, x, y }) => `${id} ${x} ${y}`).sort();
  assert.deepEqual(
    places(layout(ids.map(node), pairs)),
    places(layout([...ids].reverse().map(node), [...pairs].reverse())),
  );
});

test("lines that need not cross do not", () => {
  const placed = layout([..."abxy"].map(node), edges("ay", "bx"));
  const y = Object.fromEntries(placed.nodes.map((each) => [each.id, each.y]));
  assert.equal(Math.sign(y.a - y.b), Math.sign(y.y - y.x));
});

function service(name, more = {}) {
  return { name, active: 1, routes: { declared: [], deployed: [] }, links: [], revisions: [], ...more };
}

test("the graph is what the admin API says", () => {
  const services = [
    service("orders", {
      routes: { declared: ["/api"], deployed: [] },
      links: [
        { interface: "shop:a/b", service: "stock" },
        { interface: "shop:a/c", service: "stock" },
        { interface: "shop:x/y", problem: "nobody" },
      ],
    }),
    service("stock", { active: undefined }),
    service("mail", { canary: {} }),
  ];
  const topics = [{ topic: "shop.>", settings: { publishers: ["orders", "gone"] } }];
  const subscriptions = [{ service: "mail", topic: "shop.orders", group: "mailers", state: "waiting", lag: 3 }];
  const rates = { links: new Map([["orders>stock", { calls: 2 }]]), topics: new Map([["shop.>", { published: 4 }]]) };
  const deliveries = new Map([["mail shop.orders mailers", 1]]);
  const shown = model({ services, topics, subscriptions, rates, deliveries });
  assert.deepEqual(
    shown.nodes.map(({ id, health }) => [id, health]),
    [
      ["service:orders", "good"],
      ["service:stock", "bad"],
      ["service:mail", "warn"],
      ["outside", undefined],
      ["topic:shop.>", undefined],
    ],
  );
  assert.deepEqual(
    shown.edges.map(({ from, to }) => `${from} ${to}`),
    [
      "outside service:orders",
      "service:orders service:stock",
      "service:orders topic:shop.>",
      "topic:shop.> service:mail",
    ],
  );
  const [, link, publication, subscription] = shown.edges;
  assert.deepEqual([link.interfaces, link.rates.calls], [["shop:a/b", "shop:a/c"], 2]);
  assert.equal(publication.flow, 4);
  assert.deepEqual([subscription.lag, subscription.waits, subscription.flow], [3, true, 1]);
});

test("filters stand for topics", () => {
  for (const [filter, topic, is] of [
    ["a.b", "a.b", true],
    ["a.b", "a.c", false],
    ["a.*", "a.b", true],
    ["a.*", "a", false],
    ["a.*", "a.b.c", false],
    ["a.>", "a.b.c", true],
    ["a.>", "a", false],
    [">", "a", true],
  ]) {
    assert.equal(fits(filter, topic), is, `${filter} ${topic}`);
  }
});

/** What `/v1/activity` says, cut short. */
function snapshot(time, calls, faults, buckets, more = {}) {
  const latency = { count: calls, sum_seconds: 1, buckets };
  const links = [
    { caller: "outside", service: "orders", calls, faults, error_replies: more.error_replies ?? 0, latency },
  ];
  return { time, services: [{ name: "orders", busy: 2 }], links, topics: [], ...more };
}

test("rates are what happened between two snapshots", () => {
  const topic = (published) => ({
    topics: [{ name: "t", published, delivered: 0, redelivered: 0, dead: 0, pending: 4 }],
  });
  const before = snapshot(
    "2026-01-01T00:00:00.000Z",
    10,
    { trapped: 1 },
    [
      [0.001, 10],
      [0.01, 10],
    ],
    topic(1),
  );
  const after = snapshot(
    "2026-01-01T00:00:02.000Z",
    30,
    { trapped: 1, timeout: 4 },
    [
      [0.001, 20],
      [0.01, 30],
    ],
    { ...topic(7), error_replies: 2 },
  );
  const found = between(before, after);
  const link = found.links.get("outside>orders");
  assert.equal(found.seconds, 2);
  assert.deepEqual(
    [link.calls, link.faults, link.kinds],
    [
      10,
      3,
      [
        ["timeout", 2],
        ["error-reply", 1],
      ],
    ],
  );
  assert.equal(link.p50, 0.001);
  assert.ok(link.p99 > 0.009 && link.p99 < 0.01, `${link.p99}`);
  assert.deepEqual([found.topics.get("t").published, found.topics.get("t").pending], [3, 4]);
  assert.equal(found.services.get("orders").busy, 2);

  // A host that started anew counts from zero; a link that is new counts from nothing.
  assert.equal(
    between(after, snapshot("2026-01-01T00:00:03.000Z", 5, {}, [[0.001, 5]])).links.get("outside>orders").calls,
    5,
  );
  assert.equal(between({ ...before, links: [] }, after).links.get("outside>orders").calls, 15);
  assert.equal(between(after, after), null);
  const quiet = between(after, { ...after, time: "2026-01-01T00:00:03.000Z" }).links.get("outside>orders");
  assert.deepEqual([quiet.calls, quiet.p99], [0, null]);
});

test("quantiles lie in their bucket, and never beyond the last bound", () => {
  for (const [buckets, share, value] of [
    [
      [
        [1, 10],
        [2, 0],
      ],
      0.5,
      0.5,
    ],
    [
      [
        [1, 0],
        [2, 10],
      ],
      0.5,
      1.5,
    ],
    [
      [
        [1, 5],
        [2, 5],
      ],
      0.99,
      1.98,
    ],
    [
      [
        [1, 1],
        [Infinity, 9],
      ],
      0.99,
      1,
    ],
    [[[1, 0]], 0.5, null],
    [[], 0.5, null],
  ]) {
    assert.equal(quantile(buckets, share), value, JSON.stringify(buckets));
  }
});

const DECLARED = [
  "record item { sku: string, qty: u16, note: option<string> }",
  "enum color { red, blue }",
  "variant pay { card(string), cash, both(tuple<u8, color>) }",
  "flags rights { read, write }",
  "type skus = list<string>",
  "record loop { again: loop }",
];

test("functions and their types are read from WIT", () => {
  const read = (text) => parseFunction(text, DECLARED);
  const reserve = read("reserve: func(item: item, by: pay, r: rights) -> result<list<color>, string>");
  assert.deepEqual(
    reserve.params.map(({ name, type }) => [name, type.kind, type.text]),
    [
      ["item", "record", "item"],
      ["by", "variant", "pay"],
      ["r", "flags", "rights"],
    ],
  );
  assert.deepEqual(
    reserve.params[0].type.fields.map(({ name, type }) => [name, type.kind]),
    [
      ["sku", "string"],
      ["qty", "u16"],
      ["note", "option"],
    ],
  );
  assert.deepEqual(
    reserve.params[1].type.cases.map(({ name, type }) => [name, type?.kind]),
    [
      ["card", "string"],
      ["cash", undefined],
      ["both", "tuple"],
    ],
  );
  assert.deepEqual(reserve.params[2].type.names, ["read", "write"]);
  assert.deepEqual(
    [reserve.result.kind, reserve.result.ok.item.names, reserve.result.err.kind],
    ["result", ["red", "blue"], "string"],
  );
  assert.deepEqual(read("now: async func()"), { name: "now", params: [], result: null });
  assert.equal(read("a: func(x: skus)").params[0].type.item.kind, "string");
  assert.equal(read("no function"), null);
  for (const [text, kind] of [
    ["list<u8, 4>", "list"],
    ["result", "result"],
    ["result<_, u8>", "result"],
    ["tuple<u8, list<tuple<u8, u8>>>", "tuple"],
    ["record { a: u8 }", "record"],
    ["borrow<cart>", "unknown"],
    ["stream<u8>", "unknown"],
    ["other", "unknown"],
  ]) {
    const type = parseType(text);
    assert.equal(type.kind, kind, text);
    assert.equal(isKnown(type), kind !== "unknown", text);
  }
  assert.equal(parseType("list<u8, 4>").length, 4);
  assert.ok(!isKnown(parseFunction("a: func(x: loop)", DECLARED).params[0].type), "a circle ends");
  const twice = parseFunction("a: func(x: code)", ["type code = u8", "type code = u16"]);
  assert.ok(!isKnown(twice.params[0].type), "a name that means two things means nothing");
});

test("values are what the admin API takes", () => {
  const type = (text) => parseFunction(`f: func(x: ${text})`, DECLARED).params[0].type;
  for (const [text, value] of [
    ["item", { sku: "", qty: 0, note: null }],
    ["pay", { card: "" }],
    ["color", "red"],
    ["rights", []],
    ["skus", []],
    ["list<u16, 2>", [0, 0]],
    ["list<u8>", ""],
    ["tuple<bool, char>", [false, "a"]],
    ["result<u8>", { ok: 0 }],
    ["result<_, u8>", { ok: null }],
    ["option<u8>", null],
  ]) {
    assert.deepEqual(initial(type(text)), value, text);
  }
  assert.equal(ofCase({ name: "cash", type: null }), "cash");
  assert.deepEqual(ofCase({ name: "card", type: {} }, "4111"), { card: "4111" });
  assert.equal(some(type("option<u8>"), 3), 3);
  assert.deepEqual(some(type("option<option<u8>>"), null), { some: null });
  for (const [text, given, value] of [
    ["u8", " 255 ", 255],
    ["u8", "256", /between 0 and 255/],
    ["s8", "-128", -128],
    ["u64", "18446744073709551615", "18446744073709551615"],
    ["s64", "-9007199254740992", "-9007199254740992"],
    ["u32", "1.5", /whole number/],
    ["u32", "", /whole number/],
    ["f64", "1.5e3", 1500],
    ["f64", "NaN", "NaN"],
    ["f32", "x", /a number/],
    ["char", "\u{1f600}", "\u{1f600}"],
    ["char", "ab", /one character/],
    ["string", " as it is ", " as it is "],
    ["list<u8>", "AQI=", "AQI="],
    ["list<u8>", "ä", /base64/],
  ]) {
    if (value instanceof RegExp) {
      assert.throws(() => fromText(type(text), given), value, `${text} ${given}`);
    } else {
      assert.equal(fromText(type(text), given), value, `${text} ${given}`);
    }
  }
});

test("an interface reads as WIT", () => {
  assert.deepEqual(split("a: list<u8, 4>, b: tuple<u8, u8>, c(x, y)"), [
    "a: list<u8, 4>",
    "b: tuple<u8, u8>",
    "c(x, y)",
  ]);
  const item = {
    name: "shop:inventory/stock@0.1.0",
    types: ["record item { sku: string, at: tuple<u8, u8> }", "type n = u8"],
    functions: ["get: func() -> item"],
  };
  assert.equal(
    witText(item),
    "interface stock {\n  record item {\n    sku: string,\n    at: tuple<u8, u8>,\n  }\n  type n = u8;\n  get: func() -> item;\n}",
  );
});

test("differences name what came and what went", () => {
  const contract = (...exports) => ({ exports });
  const old = contract(
    { name: "a:b/c@0.1.0", functions: ["f: func()", "g: func()"], types: ["type t = u8"] },
    { name: "a:b/gone@1.0.0", functions: [] },
  );
  const now = contract({ name: "a:b/c@0.1.0", functions: ["f: func()", "g: func() -> t"], types: ["type t = u16"] });
  assert.deepEqual(
    differences(old, now).map(([, text]) => text),
    ["a:b/c@0.1.0", "  - type t = u8", "  - g: func()", "  + type t = u16", "  + g: func() -> t", "- a:b/gone@1.0.0"],
  );
  assert.deepEqual(differences(now, now), []);
});

test("events come whole, however their bytes arrive", () => {
  const text = 'event: step\ndata: {"a":1}\n\n: alive\n\nevent: outcome\r\ndata: {"b":\r\ndata: 2}\r\n\r\ndata: 3\n\n';
  for (const length of [1, 7, text.length]) {
    const told = [];
    const read = reader((name, data) => told.push([name, data]));
    for (let at = 0; at < text.length; at += length) {
      read(text.slice(at, at + length));
    }
    assert.deepEqual(
      told,
      [
        ["step", { a: 1 }],
        ["outcome", { b: 2 }],
        ["message", 3],
      ],
      `${length}`,
    );
  }
});

test("what took longer than the last bound counts, too", () => {
  const before = snapshot("2026-01-01T00:00:00.000Z", 0, {}, [[0.001, 0]]);
  const after = snapshot("2026-01-01T00:00:01.000Z", 10, {}, [[0.001, 4]]);
  const link = between(before, after).links.get("outside>orders");
  assert.deepEqual([link.p50, link.p99], [0.001, 0.001]);
});

test("subscriptions have rates of their own", () => {
  const list = (...delivered) =>
    delivered.map((each, at) => ({ service: "a", topic: `t${at}`, group: "g", delivered: each }));
  assert.deepEqual(
    [...subscriptionRates(list(1, 5), list(11, 2, 9), 2)],
    [
      ["a t0 g", 5],
      ["a t1 g", 1],
    ],
  );
  assert.equal(subscriptionRates(list(1), list(2), 0).size, 0);
});

test("spans are rows in the order of their tree", () => {
  const span = (id, parent, offset, took) => ({ span: id, parent, offset_seconds: offset, duration_seconds: took });
  const trace = (...spans) => ({ duration_seconds: 2, spans });
  const found = rows(
    trace(span("c", "a", 0.5, 0.5), span("a", "elsewhere", 0, 2), span("b", "a", 0.1, 0.3), span("d", "b", 0.2, 0.1)),
  );
  assert.deepEqual(
    found.map(({ span: { span: id }, depth }) => `${id}${depth}`),
    ["a0", "b1", "d2", "c1"],
  );
  assert.deepEqual([found[3].begin, found[3].length], [0.25, 0.25]);
  assert.equal(rows(trace(span("a", "a", 0, 1))).length, 1, "who is its own parent is there once");
  assert.equal(rows(trace(span("a", "b", 0, 1), span("b", "a", 0, 1))).length, 2, "and so are parents of each other");
  const twice = trace(span("a", null, 0, 2), span("b", "a", 0, 1), span("b", "a", 1, 1), span("c", "b", 1, 1));
  assert.equal(rows(twice).length, 4, "services name their spans, and those of one name are all there");
  assert.equal(rows({ duration_seconds: 0, spans: [span("a", undefined, 0, 0)] })[0].length, 0);
  assert.equal(traceOf("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), "0af7651916cd43dd8448eb211c80319c");
});

test("numbers read well", () => {
  for (const [found, text] of [
    [rate(0), "0/s"],
    [rate(0.04), "<0.1/s"],
    [rate(12.4), "12/s"],
    [rate(3400), "3.4k/s"],
    [short(1_200_000), "1.2M"],
    [duration(0.0000853), "85 µs"],
    [duration(0.0012), "1.2 ms"],
    [duration(3), "3 s"],
    [duration(null), "–"],
    [size(512), "512 B"],
    [size(5 << 20), "5 MiB"],
    [rough("1ms 204us 17ns"), "1.2ms"],
    [rough("2s 30ms"), "2.0s"],
    [rough("5m 3s"), "5m"],
    [rough(""), ""],
    [nameOf("target/guests/My Orders.wasm"), "my-orders"],
    [parts("#/services/a%2Fb/logs").join(" "), "services a/b logs"],
    [parts("").length, 0],
  ]) {
    assert.equal(found, text);
  }
});
