// What messages ask for, read in Node.

import assert from "node:assert/strict";
import { test } from "node:test";
import { read } from "../src/wish";

test("words are read", () => {
  const cases: [string, object][] = [
    ["", { what: "acknowledge" }],
    ["retry", { what: "fail" }],
    ["publish a.b id-1 some text", { what: "publish", topic: "a.b", id: "id-1", data: "some text" }],
    ["ask a.b 2 100 what is it", { what: "ask", topic: "a.b", wanted: 2, ms: 100, data: "what is it" }],
    ["answer here it is", { what: "answer", data: "here it is" }],
  ];
  for (const [text, wish] of cases) assert.deepEqual(read(new TextEncoder().encode(text)), wish);
});
