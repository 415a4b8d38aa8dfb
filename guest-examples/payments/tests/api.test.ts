// The API, called in Node with the web's own Request and Response.

import assert from "node:assert/strict";
import { test } from "node:test";
import { answer } from "../src/api";

const settings = { currencies: ["EUR"] };

async function ask(method: string, path: string, body?: string) {
  const response = await answer(new Request(`http://shop.test${path}`, { method, body }), settings);
  return { status: response.status, headers: response.headers, body: JSON.parse(await response.text()) };
}

test("a payment is authorized, and found again by its place", async () => {
  const paid = await ask("POST", "/api/payments", '{"orderId":123,"amount":4200,"currency":"EUR"}');
  assert.equal(paid.status, 201);
  assert.deepEqual({ ...paid.body, paymentId: "" }, { paymentId: "", orderId: 123, status: "authorized" });

  const place = paid.headers.get("location") ?? "";
  assert.equal(place, `/api/payments/${paid.body.paymentId}`);
  const found = await ask("GET", place);
  assert.equal(found.status, 200);
  assert.deepEqual(found.body, paid.body);
});

test("the payment of the order with the largest number is found, too", async () => {
  const orderId = Number.MAX_SAFE_INTEGER;
  const paid = await ask("POST", "/api/payments", JSON.stringify({ orderId, amount: 4200, currency: "EUR" }));
  assert.equal((await ask("GET", paid.headers.get("location") ?? "")).body.orderId, orderId);
});

const wrong = [
  { method: "POST", path: "/api/payments", body: "", status: 400, mention: "no JSON" },
  { method: "POST", path: "/api/payments", body: "[]", status: 400, mention: "object" },
  { method: "POST", path: "/api/payments", body: '{"amount":1,"currency":"EUR"}', status: 400, mention: "orderId" },
  { method: "POST", path: "/api/payments", body: '{"orderId":1,"amount":0.5,"currency":"EUR"}', status: 400, mention: "amount" },
  { method: "POST", path: "/api/payments", body: '{"orderId":1,"amount":1,"currency":"XXX"}', status: 400, mention: "one of EUR" },
  { method: "GET", path: "/api/payments/pay-1", status: 404, mention: "pay-1" },
  { method: "GET", path: "/api/payments", status: 405, mention: "POST" },
  { method: "DELETE", path: "/api/payments/x", status: 405, mention: "GET" },
  { method: "GET", path: "/", status: 404, mention: "/api/payments" },
];

for (const { method, path, body, status, mention } of wrong) {
  test(`${method} ${path} ${body ?? ""} is refused with ${status}`, async () => {
    const refused = await ask(method, path, body);
    assert.equal(refused.status, status);
    assert.equal(refused.headers.get("content-type"), "application/problem+json");
    assert.ok(refused.body.detail.includes(mention), refused.body.detail);
  });
}
