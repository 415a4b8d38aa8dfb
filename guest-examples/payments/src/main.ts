// The service: hands every HTTP request to the API, and charges orders for other services. This file is what runs in the
// component only; the rest runs anywhere, and is tested in Node.

import { get } from "wasi:config/store@0.2.0-rc.1";
import { answer } from "./api";
import { Charges, type Line, type Payment } from "./charge";

declare function addEventListener(type: "fetch", listener: (event: FetchEvent) => void): void;

addEventListener("fetch", (event) => event.respondWith(answer(event.request, settings())));

const made = new Charges((line) => console.log(line));

/** The functions of shop:payments/charges. */
export const charges = {
  charge: (order: bigint, lines: Line[], currency: string, payment: Payment) =>
    made.charge(order, lines, currency, payment, settings().currencies),
  refund: (order: bigint) => made.refund(order),
};

function settings() {
  return { currencies: (get("currencies") ?? "EUR,USD").split(",").map((currency) => currency.trim()) };
}
