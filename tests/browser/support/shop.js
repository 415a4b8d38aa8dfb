// The shop of `guest-examples/`, as the dashboard is shown with it.

import { readFile } from "node:fs/promises";

import { guest } from "./environment.js";
import { service } from "./host.js";

/** The sections of `runtime.toml`: seven services in five languages, five of which call each other, and a topic. */
export function shop() {
  const subscription = (more) =>
    `[services.${more.service}.subscriptions."shop.orders.created"]\nattempts = 2\nbackoff = "50ms"\n`;
  return [
    // Every trace is there to be looked at, whatever else goes on.
    '[traces]\nsample = "100%"\n',
    '[topics."shop.orders.*"]\nlevel = "durable"\npublishers = ["orders"]\n',
    service("pricing", "pricing", 'routes = ["/api/pricing/*"]\ncallers = ["orders"]'),
    service(
      "inventory",
      "inventory",
      'routes = ["/api/inventory/*"]\ncallers = ["orders", "hello http"]\ninstances = "reuse"',
    ),
    service("payments", "payments", 'routes = ["/api/payments/*"]\ncallers = ["orders"]\ninstances = "fresh"'),
    service("shipping", "shipping", 'routes = ["/api/shipping/*"]\ncallers = ["orders"]\ninstances = "reuse"') +
      subscription({ service: "shipping" }),
    service("orders", "orders", 'routes = ["/api/orders/*"]'),
    service("notifications", "notifications", 'callers = []\ninstances = "reuse"\nconcurrency = 1') +
      subscription({ service: "notifications" }),
    service("hello", "hello", 'routes = ["/hello/*"]\nconfig = { greeting = "Hello!" }'),
  ].join("\n");
}

/** The services by name. */
export const NAMES = ["hello", "inventory", "notifications", "orders", "payments", "pricing", "shipping"];

/** A component of the shop that is another one than `name`, as far as digests tell, and does the same. */
export async function variant(name, mark) {
  const label = Buffer.from(mark);
  // A custom section of the component format: its id, its size, its name.
  const section = Buffer.concat([Buffer.from([0, label.length + 1, label.length]), label]);
  return Buffer.concat([await readFile(guest(name)), section]);
}

/** Places an order. User 999 has no address, so that the message about it becomes a dead letter. */
export async function order(host, userId = 456) {
  const body = JSON.stringify({ items: [{ sku: "tea", quantity: 1 }], userId });
  const reply = await fetch(`${host.http}/api/orders`, { method: "POST", body });
  if (!reply.ok) {
    throw new Error(`no order: ${reply.status} ${await reply.text()}`);
  }
  return reply.json();
}
