// Whether a real browser lets pages of other origins call a route as far as its `cors` says, and no further. What the host
// sends is tested elsewhere; here the browser judges it.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch } from "./support/browser.js";
import { Host, command, service } from "./support/host.js";
import { Pages } from "./support/pages.js";

// Names below one domain: only then a browser sends the cookies of the page's site without TLS.
const SHOP = "www.shop.example";
const STRANGER = "stranger.example";
const API = "api.shop.example";

const COOKIE = "session=open-sesame";

let pages;
let host;
let browser;
let key;

before(async () => {
  pages = await Pages.start();
  key = await command("keys", "new", "robot");
  host = await Host.start(`[auth.keys]\n${key.line}\n${service("probe", "probe3", routes(pages.origin(SHOP)))}`);
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await host?.stop();
  await pages?.stop();
});

/** Every route but one answers what arrived at the service, as JSON. */
function routes(shop) {
  const route = (path, lines) => `[services.probe.routes."${path}"]\nrewrite = { path = "/headers" }\n${lines}\n`;
  const told = 'response_headers = { set = { x-told = "yes", x-hidden = "yes" } }';
  return [
    '[services.probe.routes."/count"]\nanonymous = true\n',
    route("/simple", `anonymous = true\n${told}\ncors = { origins = ["${shop}"] }`),
    route(
      "/full",
      `anonymous = true\n${told}\n[services.probe.routes."/full".cors]\norigins = ["${shop}"]\nmethods = ["GET", "PUT"]\n` +
        'headers = ["x-wish"]\nexpose = ["x-told"]\ncredentials = true',
    ),
    route("/everybody", 'anonymous = true\ncors = { origins = ["*"], headers = ["*"] }'),
    route("/closed", "anonymous = true"),
    route("/guarded", `callers = ["user:robot"]\ncors = { origins = ["${shop}"], headers = ["x-api-key"] }`),
  ].join("\n");
}

// `blocked` is why the browser refuses; otherwise `status` is what the page reads, `header` which fields of the reply it sees
// (null: none), and `arrived` what the service got. `calls` is how many requests reached the service: one whose question was
// refused must not, and one that needs no question does, whoever reads the reply.
const CASES = [
  {
    name: "a simple request of an allowed origin is read",
    path: "/simple",
    status: 200,
    arrived: { origin: SHOP },
    calls: 1,
  },
  {
    name: "a field that is not exposed is there, and the page does not see it",
    path: "/simple",
    status: 200,
    header: { "x-told": null, "content-type": "application/json" },
    calls: 1,
  },
  {
    name: "an exposed field is seen, and the others are not",
    path: "/full",
    status: 200,
    header: { "x-told": "yes", "x-hidden": null },
    calls: 1,
  },
  {
    name: "a request with a field, a method and cookies is asked for first, and sent",
    path: "/full",
    init: { method: "PUT", headers: { "x-wish": "tea" }, credentials: "include", body: "milk" },
    status: 200,
    header: { "x-told": "yes" },
    arrived: { method: "PUT", "x-wish": "tea", cookie: COOKIE },
    calls: 1,
  },
  {
    name: "cookies stay at home where they are not asked for",
    path: "/full",
    status: 200,
    arrived: { cookie: undefined },
    calls: 1,
  },
  {
    name: "another origin does not read the reply",
    from: STRANGER,
    path: "/simple",
    blocked: /No 'Access-Control-Allow-Origin' header is present/,
    calls: 1,
  },
  {
    name: "another origin does not get as far as sending what has to be asked for",
    from: STRANGER,
    path: "/full",
    init: { method: "PUT", headers: { "x-wish": "tea" } },
    blocked: /preflight request doesn't pass.*No 'Access-Control-Allow-Origin'/,
    calls: 0,
  },
  {
    name: "a method that is not allowed is not sent",
    path: "/full",
    init: { method: "DELETE" },
    blocked: /Method DELETE is not allowed by Access-Control-Allow-Methods/,
    calls: 0,
  },
  {
    name: "a field that is not allowed is not sent",
    path: "/full",
    init: { headers: { "x-other": "tea" } },
    blocked: /field x-other is not allowed by Access-Control-Allow-Headers/,
    calls: 0,
  },
  {
    name: "cookies are not sent where only requests without them are allowed",
    path: "/simple",
    init: { method: "PUT", credentials: "include" },
    blocked: /Access-Control-Allow-Credentials/,
    calls: 0,
  },
  {
    name: "everybody reads what is for everybody",
    from: STRANGER,
    path: "/everybody",
    init: { headers: { "x-wish": "tea" } },
    status: 200,
    arrived: { "x-wish": "tea" },
    calls: 1,
  },
  {
    name: "not with cookies, though",
    from: STRANGER,
    path: "/everybody",
    init: { credentials: "include" },
    blocked: /must not be the wildcard '\*'/,
    calls: 1,
  },
  {
    name: "a route without cors is read by no other origin",
    path: "/closed",
    blocked: /No 'Access-Control-Allow-Origin' header is present/,
    calls: 1,
  },
  {
    name: "who has a key asks without it, and sends it then",
    path: "/guarded",
    init: () => ({ headers: { "x-api-key": key.key } }),
    status: 200,
    calls: 1,
  },
  {
    name: "who has none reads why it was refused",
    path: "/guarded",
    status: 401,
    header: { "content-type": "application/problem+json" },
    calls: 0,
  },
];

for (const { name, from = SHOP, path, init = {}, blocked, status, header = {}, arrived = {}, calls } of CASES) {
  test(name, async () => {
    // A context of its own: what the browser remembers of one case must not answer for another.
    const context = await browser.newContext();
    try {
      const page = await context.newPage();
      const complaints = [];
      page.on("console", (message) => complaints.push(message.text()));
      await page.goto(pages.origin(from));
      const before = await count();
      const url = `${host.http.replace("127.0.0.1", API)}${path}`;
      const outcome = await page.evaluate(request, {
        url,
        init: typeof init === "function" ? init() : init,
        cookie: `${COOKIE}; domain=${from.split(".").slice(-2).join(".")}`,
        fields: Object.keys(header),
      });
      // The question for the number is a call, too.
      assert.equal((await count()) - before - 1, calls, "calls that reached the service");
      if (blocked) {
        assert.match(outcome.failed ?? `read: ${JSON.stringify(outcome)}`, /^TypeError/);
        assert.match(complaints.join("\n"), blocked);
        return;
      }
      assert.equal(outcome.failed, undefined, complaints.join("\n"));
      assert.equal(outcome.status, status);
      assert.deepEqual(outcome.header, header);
      for (const [field, value] of Object.entries(arrived)) {
        const expected = field === "origin" ? pages.origin(value) : value;
        assert.equal(seen(JSON.parse(outcome.body), field), expected, field);
      }
    } finally {
      await context.close();
    }
  });
}

/** Runs in the page. */
async function request({ url, init, cookie, fields }) {
  document.cookie = cookie;
  try {
    const reply = await fetch(url, init);
    const header = Object.fromEntries(fields.map((field) => [field, reply.headers.get(field)]));
    return { status: reply.status, header, body: await reply.text() };
  } catch (error) {
    return { failed: String(error) };
  }
}

/** How many calls the one instance of the service has had, with this one. */
async function count() {
  const reply = await fetch(`${host.http}/count`);
  assert.equal(reply.status, 200);
  return Number(await reply.text());
}

/** What the service saw of a request: its method, or a field of its header. */
function seen(report, field) {
  return field === "method" ? report.method : report.headers.find(([name]) => name === field)?.[1];
}
