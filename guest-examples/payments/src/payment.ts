// Payments: what is asked for, what is right about it, and what becomes of it.

export interface Payment {
  paymentId: string;
  orderId: number;
  status: "authorized";
}

export interface NewPayment {
  orderId: number;
  /** In the smallest unit of the currency: 4200 is 42.00 EUR. */
  amount: number;
  /** ISO 4217, three capital letters. */
  currency: string;
}

/** What is wrong with a request; the message names the field and is meant for its sender. */
export class Invalid extends Error {}

/** Checks what a caller sent. Throws Invalid. */
export function parse(input: unknown, currencies: string[]): NewPayment {
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    throw new Invalid("expected a JSON object");
  }
  const { orderId, amount, currency } = input as Record<string, unknown>;
  if (!isPositive(orderId)) throw new Invalid("orderId: expected a whole number from 1");
  if (!isPositive(amount)) throw new Invalid("amount: expected a whole number from 1, in the smallest unit");
  if (typeof currency !== "string" || !currencies.includes(currency)) {
    throw new Invalid(`currency: expected one of ${currencies.join(", ")}`);
  }
  return { orderId, amount, currency };
}

/** Authorizes a payment. Payments are not kept anywhere yet, so the id itself tells which order it belongs to. */
export function authorize(payment: NewPayment): Payment {
  return authorized(newId(payment.orderId), payment.orderId);
}

/** A new id for a payment of this order. */
export function newId(orderId: number | bigint): string {
  const random = crypto.getRandomValues(new Uint32Array(2));
  const suffix = Array.from(random, (part) => part.toString(16).padStart(8, "0")).join("");
  return `pay-${orderId}-${suffix}`;
}

/** The payment with this id, or undefined if no payment can have it. */
export function find(id: string): Payment | undefined {
  const orderId = Number(/^pay-([1-9]\d{0,15})-[0-9a-f]{16}$/.exec(id)?.[1]);
  return isPositive(orderId) ? authorized(id, orderId) : undefined;
}

function authorized(paymentId: string, orderId: number): Payment {
  return { paymentId, orderId, status: "authorized" };
}

function isPositive(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}
