// Charges, called in Node as the component calls them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Charges, type Line, type Payment, REMEMBERED, Refused } from "../src/charge";

const card: Payment = { tag: "card", val: "tok-demo" };
const tea: Line[] = [
  { what: "tea", amount: 900n },
  { what: "mug", amount: 50n },
];

function shop() {
  const told: string[] = [];
  const charges = new Charges((line) => told.push(line));
  const charge = (order: bigint, lines = tea, payment = card, currency = "EUR") =>
    charges.charge(order, lines, currency, payment, ["EUR"]);
  return { charges, charge, told };
}

/** The payload of the error that is thrown. */
function refusal(act: () => unknown) {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof Refused, String(error));
    return error.payload;
  }
  return assert.fail("nothing was refused");
}

test("an order is charged once, however often it is asked for", () => {
  const { charge, told } = shop();
  const receipt = charge(123n);
  assert.match(receipt.id, /^pay-123-[0-9a-f]{16}$/);
  assert.deepEqual({ ...receipt, id: "" }, { id: "", total: 950n, repeated: false });
  assert.deepEqual(charge(123n), { ...receipt, repeated: true });
  assert.deepEqual(told, ["charged order 123: 950 cents"]);
  assert.deepEqual(refusal(() => charge(123n, [{ what: "tea", amount: 1n }])), { tag: "charged", val: 950n });
});

test("a refund can be repeated, and ends what can be charged", () => {
  const { charges, charge, told } = shop();
  charge(123n);
  charges.refund(123n);
  charges.refund(123n);
  // One that was never charged, as far as is known here.
  charges.refund(124n);
  for (const order of [123n, 124n]) assert.deepEqual(refusal(() => charge(order)), { tag: "refunded" });
  assert.deepEqual(told, ["charged order 123: 950 cents", "refunded order 123", "refunded order 124"]);
});

test("the oldest orders are forgotten", () => {
  const { charge, told } = shop();
  for (let order = 1n; order <= REMEMBERED + 1; order++) charge(order);
  assert.equal(charge(2n).repeated, true);
  assert.equal(charge(1n).repeated, false);
  assert.equal(told.length, REMEMBERED + 2);
});

test("what is wrong, and who does not pay, is told, and nothing is charged", () => {
  const { charge, told } = shop();
  const costing = (amount: bigint) => [{ what: "kettle", amount }];
  const invoice: Payment = { tag: "invoice" };
  const cases: [() => unknown, string, string][] = [
    [() => charge(0n), "wrong", "order"],
    [() => charge(1n, []), "wrong", "lines"],
    [() => charge(1n, costing(2n ** 64n - 1n)), "wrong", "lines"],
    [() => charge(1n, tea, card, "XXX"), "wrong", "one of EUR"],
    [() => charge(1n, tea, { tag: "card", val: "4111" }), "wrong", "tok-"],
    [() => charge(1n, tea, { tag: "card", val: "tok-declined" }), "declined", "card"],
    [() => charge(1n, costing(50_001n), invoice), "declined", "50000"],
  ];
  for (const [act, tag, mention] of cases) {
    const problem = refusal(act);
    assert.equal(problem.tag, tag);
    assert.ok("val" in problem && String(problem.val).includes(mention), JSON.stringify(problem.tag));
  }
  assert.deepEqual(told, []);
  assert.equal(charge(1n, costing(50_000n), invoice).repeated, false);
});
