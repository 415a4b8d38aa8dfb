// The service: hands every HTTP request to the API. This file is what runs in the component only; the rest runs
// anywhere, and is tested in Node.

import { get } from "wasi:config/store@0.2.0-rc.1";
import { answer } from "./api";

declare function addEventListener(type: "fetch", listener: (event: FetchEvent) => void): void;

addEventListener("fetch", (event) => event.respondWith(answer(event.request, settings())));

function settings() {
  return { currencies: (get("currencies") ?? "EUR,USD").split(",").map((currency) => currency.trim()) };
}
