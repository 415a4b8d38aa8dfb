// What users are told of what happened in the shop.

import type { OrderCreated } from "./event";

export interface Settings {
  /** The addresses of users, by their numbers. */
  addresses: Map<number, string>;
  /** Who is told for a user without an address; nobody, if that is undefined. */
  postmaster: string | undefined;
}

export interface Notification {
  orderId: number;
  userId: number;
  to: string;
  text: string;
}

/** A user who cannot be told now. The message is for the operator. */
export class Unreachable extends Error {}

/** How many notifications are remembered. The oldest ones are forgotten. */
export const REMEMBERED = 1000;

/** What was sent. `tell` is told of each, once. */
export class Outbox {
  /** By the name of the event. */
  readonly #sent = new Map<string, Notification>();
  readonly #tell: (line: string) => void;

  constructor(tell: (line: string) => void) {
    this.#tell = tell;
  }

  /** Tells a user of a new order, unless that was done for the same event before. Throws Unreachable. */
  send(event: string, { orderId, userId }: OrderCreated, settings: Settings): void {
    if (this.#sent.has(event)) return;
    const to = settings.addresses.get(userId) ?? settings.postmaster;
    if (!to) throw new Unreachable(`user ${userId} has no address, and there is no \`postmaster\` to tell instead`);
    this.#remember(event, { orderId, userId, to, text: `Thank you! Your order ${orderId} is confirmed.` });
    this.#tell(`notified user ${userId} of order ${orderId} at ${to}`);
  }

  /** What was sent, the newest first. */
  list(): Notification[] {
    return [...this.#sent.values()].reverse();
  }

  #remember(event: string, notification: Notification): void {
    this.#sent.set(event, notification);
    const [oldest] = this.#sent.keys();
    if (this.#sent.size > REMEMBERED && oldest !== undefined) this.#sent.delete(oldest);
  }
}

/** Reads the configured addresses: `456:ada@shop.example, 457:grace@shop.example`. */
export function addresses(text: string): Map<number, string> {
  const entries = text.split(",").filter((entry) => entry.includes(":"));
  return new Map(entries.map((entry) => [Number.parseInt(entry, 10), entry.slice(entry.indexOf(":") + 1).trim()]));
}
