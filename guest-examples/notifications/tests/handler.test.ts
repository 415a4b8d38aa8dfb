// Messages, handled in Node.

import assert from "node:assert/strict";
import { test } from "node:test";
import { answer } from "../src/api";
import { handle, type Message } from "../src/handler";
import { addresses, Outbox, REMEMBERED, type Settings } from "../src/outbox";

const known: Settings = { addresses: addresses("456:ada@shop.example, 457: grace@shop.example"), postmaster: undefined };

function created(orderId: unknown, userId: unknown, id = `order-${orderId}`): Message {
  const data = new TextEncoder().encode(JSON.stringify({ event: "OrderCreated", orderId, userId }));
  return { id, source: "/services/orders", kind: "OrderCreated", data };
}

function shop() {
  const told: string[] = [];
  const outbox = new Outbox((line) => told.push(line));
  return { told, outbox, handle: (message: Message, settings = known) => handle(message, outbox, settings) };
}

test("a user is told once, however often the event comes", () => {
  const { handle, outbox, told } = shop();
  for (let time = 0; time < 2; time++) assert.deepEqual(handle(created(123, 456)), { tag: "acknowledge" });
  assert.deepEqual(handle(created(124, 457)), { tag: "acknowledge" });
  assert.deepEqual(told, [
    "notified user 456 of order 123 at ada@shop.example",
    "notified user 457 of order 124 at grace@shop.example",
  ]);
  const reply = answer("get", "/api/notifications?all", outbox);
  const [newest] = JSON.parse(reply.body);
  assert.deepEqual([reply.status, newest.orderId, newest.to], [200, 124, "grace@shop.example"]);
});

test("a user without an address fails until there is a postmaster", () => {
  const { handle, told } = shop();
  const failed = handle(created(123, 999));
  assert.ok(failed.tag === "retry" && failed.val.reason?.includes("user 999 has no address"), failed.tag);
  assert.deepEqual(handle(created(123, 999), { ...known, postmaster: "post@shop.example" }), { tag: "acknowledge" });
  assert.deepEqual(told, ["notified user 999 of order 123 at post@shop.example"]);
});

test("what can never be understood is rejected, and what means nothing is done", () => {
  const { handle, told } = shop();
  const broken = { ...created(1, 456), data: new TextEncoder().encode("{") };
  const cases: [Message, string][] = [
    [broken, "no JSON"],
    [{ ...broken, data: new TextEncoder().encode("[]") }, "object"],
    [created(0, 456), "orderId"],
    [created(1, "456"), "userId"],
  ];
  for (const [message, mention] of cases) {
    const outcome = handle(message);
    assert.ok(outcome.tag === "reject" && outcome.val.includes(mention), JSON.stringify(outcome));
  }
  assert.deepEqual(handle({ ...broken, kind: "OrderForgotten" }), { tag: "acknowledge" });
  assert.deepEqual(told, []);
});

test("the oldest notifications are forgotten", () => {
  const { handle, outbox, told } = shop();
  for (let order = 1; order <= REMEMBERED + 1; order++) handle(created(order, 456));
  assert.equal(outbox.list().length, REMEMBERED);
  handle(created(2, 456));
  assert.equal(told.length, REMEMBERED + 1);
  handle(created(1, 456));
  assert.equal(told.length, REMEMBERED + 2);
});

test("what is wrong with a request is told", () => {
  const { outbox } = shop();
  assert.equal(answer("get", "/api/notification", outbox).status, 404);
  const refused = answer("post", "/api/notifications", outbox);
  assert.deepEqual([refused.status, refused.headers.allow], [405, "GET, HEAD"]);
});
