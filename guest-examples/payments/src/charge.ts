// Charges, as the contract in wit/world.wit has them: one for each order. `result` is a return or an exception, `u64` is a
// bigint, and a variant has a tag and a value.

import { newId } from "./payment";

export type Payment = { tag: "card"; val: string } | { tag: "invoice" };

export interface Line {
  what: string;
  amount: bigint;
}

export interface Receipt {
  id: string;
  total: bigint;
  repeated: boolean;
}

export type Problem =
  | { tag: "wrong"; val: string }
  | { tag: "declined"; val: string }
  | { tag: "charged"; val: bigint }
  | { tag: "refunded" };

/** An error of the contract: whoever calls gets the payload. */
export class Refused extends Error {
  constructor(readonly payload: Problem) {
    super(payload.tag);
  }
}

/** The most that an order is charged, and that is charged by an invoice. */
const MOST = 100_000_000n;
const INVOICE_MOST = 50_000n;

/** The card that nobody may pay with. */
const DECLINED = "tok-declined";

/** How many orders are remembered. The oldest ones are forgotten. */
export const REMEMBERED = 1000;

/** What was charged. `tell` is told of each effect, once. */
export class Charges {
  /** By the number of the order; a refunded one has no receipt. */
  readonly #orders = new Map<bigint, Receipt | undefined>();
  readonly #tell: (line: string) => void;

  constructor(tell: (line: string) => void) {
    this.#tell = tell;
  }

  /** Charges an order, unless it was charged before. */
  charge(order: bigint, lines: Line[], currency: string, payment: Payment, currencies: string[]): Receipt {
    const total = totalOf(order, lines);
    if (!currencies.includes(currency)) throw wrong(`currency: expected one of ${currencies.join(", ")}`);
    if (this.#orders.has(order)) return again(this.#orders.get(order), total);
    pay(payment, total);
    const receipt = { id: newId(order), total, repeated: false };
    this.#remember(order, receipt);
    this.#tell(`charged order ${order}: ${total} cents`);
    return receipt;
  }

  /** Gives back what an order was charged. One that is not remembered may have been charged by another instance. */
  refund(order: bigint): void {
    if (this.#orders.has(order) && !this.#orders.get(order)) return;
    this.#remember(order, undefined);
    this.#tell(`refunded order ${order}`);
  }

  #remember(order: bigint, receipt: Receipt | undefined): void {
    this.#orders.set(order, receipt);
    const [oldest] = this.#orders.keys();
    if (this.#orders.size > REMEMBERED && oldest !== undefined) this.#orders.delete(oldest);
  }
}

function totalOf(order: bigint, lines: Line[]): bigint {
  if (order < 1n) throw wrong("order: orders are numbered from 1");
  const total = lines.reduce((sum, line) => sum + line.amount, 0n);
  if (total < 1n || total > MOST) throw wrong(`lines: expected from 1 to ${MOST} cents together, not ${total}`);
  return total;
}

/** The answer to a charge of an order that was charged or refunded before. */
function again(before: Receipt | undefined, total: bigint): Receipt {
  if (!before) throw new Refused({ tag: "refunded" });
  if (before.total !== total) throw new Refused({ tag: "charged", val: before.total });
  return { ...before, repeated: true };
}

/** Takes the money, or would. */
function pay(payment: Payment, total: bigint): void {
  if (payment.tag === "invoice") {
    if (total > INVOICE_MOST) throw declined(`an invoice is for up to ${INVOICE_MOST} cents`);
    return;
  }
  if (!payment.val.startsWith("tok-")) throw wrong("payment: the token of a card begins with tok-");
  if (payment.val === DECLINED) throw declined("the card was declined");
}

function wrong(what: string): Refused {
  return new Refused({ tag: "wrong", val: what });
}

function declined(why: string): Refused {
  return new Refused({ tag: "declined", val: why });
}
