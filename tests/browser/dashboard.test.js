// The dashboard from end to end: a person at a real browser, the real host, and the services of the shop.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch } from "./support/browser.js";
import { Dashboard } from "./support/dashboard.js";
import { Host, service } from "./support/host.js";
import { NAMES, order, shop, variant } from "./support/shop.js";

let host;
let browser;

before(async () => {
  host = await Host.start(shop());
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await host?.stop();
});

/** Runs `work` with a page at `hash`, and ends the page whatever comes of it. */
async function at(hash, work, options) {
  const dashboard = await Dashboard.enter(browser, host, hash, options);
  try {
    await work(dashboard.page, dashboard);
  } catch (error) {
    await dashboard.context.close();
    throw error;
  }
  await dashboard.close();
}

test("a wrong token is refused, the right one opens, and logging out closes", async () => {
  const dashboard = await Dashboard.open(browser, host);
  const { page } = dashboard;
  await dashboard.login("not-the-token-of-this-host");
  await page.getByRole("alert").filter({ hasText: "not the token" }).waitFor();
  await page.goto(`${host.admin}/dashboard/#/topics`);
  assert.match(page.url(), /\/dashboard\/login/);

  await dashboard.login();
  await page.getByRole("heading", { name: "Services, links and topics" }).waitFor();
  const cookies = await dashboard.context.cookies();
  assert.deepEqual(
    cookies.map(({ httpOnly, sameSite }) => [httpOnly, sameSite]),
    [[true, "Strict"]],
  );

  await page.getByRole("button", { name: "Log out" }).click();
  await page.getByLabel("Admin token").waitFor();
  assert.deepEqual(await dashboard.context.cookies(), []);
  await page.goto(`${host.admin}/dashboard/`);
  assert.match(page.url(), /\/dashboard\/login/);
  await dashboard.close();
});

test("a session that ends elsewhere leads back to the form", async () => {
  await at("", async (page, dashboard) => {
    await dashboard.context.clearCookies();
    // The page asks for the state of the host every few seconds anyway.
    await page.getByLabel("Admin token").waitFor();
  });
});

test("the graph shows every service, every link and the topic, and the tables say the same", async () => {
  await at("", async (page) => {
    const nodes = page.locator(".graph a.service");
    await nodes.first().waitFor();
    assert.deepEqual(
      (await nodes.evaluateAll((all) => all.map((node) => node.dataset.id.split(":")[1]))).sort(),
      NAMES,
    );
    const edges = await page
      .locator(".graph .edge:has(path)")
      .evaluateAll((all) => all.map(({ dataset }) => `${dataset.from} ${dataset.to}`));
    for (const edge of [
      "service:orders service:inventory",
      "service:orders service:pricing",
      "service:orders service:payments",
      "service:orders service:shipping",
      "outside service:orders",
      "service:orders topic:shop.orders.*",
      "topic:shop.orders.* service:notifications",
    ]) {
      assert.ok(edges.includes(edge), `${edge} is missing in ${edges.join(", ")}`);
    }
    const rows = page.getByRole("region", { name: "Services" }).getByRole("row");
    assert.equal(await rows.count(), NAMES.length + 1);
    await page.getByRole("cell", { name: "shop:pricing/prices@0.1.0", exact: true }).waitFor();
  });
});

test("a component is dropped, its steps are shown, and it serves; then it is rolled back", async () => {
  await at("#/services/hello", async (page, dashboard) => {
    await dashboard.drop("hello.wasm", await variant("hello", "dropped"));
    const dialog = page.getByRole("dialog", { name: "Deploy a revision" });
    assert.equal(await dialog.getByLabel("Service", { exact: true }).inputValue(), "hello");
    await dialog.getByRole("button", { name: "Deploy" }).click();
    await dialog.getByText("hello@2 serves instead of hello@1").waitFor();
    const steps = await dialog.locator(".steps .name").allTextContents();
    for (const step of ["upload", "inspect", "compile", "warm", "publish", "drain", "retire"]) {
      assert.ok(steps.includes(step), `${step} is missing in ${steps.join(", ")}`);
    }
    await dialog.getByText("It exports the same as before.").waitFor();
    await dialog.getByRole("button", { name: "Close" }).click();

    await page.getByText("hello@2", { exact: true }).first().waitFor();
    await page.getByRole("button", { name: "Roll back" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Roll back" }).click();
    await page.getByText("hello@1 serves instead of hello@2").waitFor();
    assert.equal((await host.ask("GET", "/v1/services/hello")).active, 1);
  });
});

test("what would break callers is refused with the difference, and deployed when somebody insists", async () => {
  await at("", async (page, dashboard) => {
    await dashboard.drop("hello.wasm", await variant("hello", "breaking"));
    const dialog = page.getByRole("dialog", { name: "Deploy a revision" });
    await dialog.getByLabel("Service", { exact: true }).fill("payments");
    await dialog.getByRole("button", { name: "Deploy" }).click();
    await dialog.locator(".diff .removed", { hasText: "shop:payments/charges@0.1.0" }).waitFor();
    await dialog.getByRole("paragraph").filter({ hasText: "it would break other services" }).waitFor();
    assert.equal((await host.ask("GET", "/v1/services/payments")).active, 1);

    await dialog.getByLabel("Even if it breaks").check();
    await dialog.getByRole("button", { name: "Deploy" }).click();
    await dialog.getByText("payments@2 serves instead of payments@1").waitFor();
    await dialog.locator(".diff .removed", { hasText: "- shop:payments/charges@0.1.0" }).waitFor();
  });
  await host.ask("POST", "/v1/services/payments/rollback", {});
});

test("a canary is begun, seen and promoted", async () => {
  await at("#/services/hello", async (page) => {
    await page.getByRole("button", { name: "Try @2 as a canary" }).click();
    const dialog = page.getByRole("dialog", { name: "Begin a canary" });
    await dialog.getByLabel("Shares").fill("a lot");
    await dialog.getByRole("button", { name: "Begin" }).click();
    await dialog.getByRole("alert").filter({ hasText: "a lot" }).waitFor();
    await dialog.getByLabel("Shares").fill("20%");
    await dialog.getByLabel("How long").fill("10m");
    await dialog.getByRole("button", { name: "Begin" }).click();
    await page.getByRole("heading", { name: "Canary of hello@2" }).waitFor();
    await page.getByRole("img", { name: "hello@2 gets 20 %" }).waitFor();
    await page.getByRole("button", { name: "Promote" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Promote" }).click();
    await page.getByText("hello@2 serves", { exact: true }).waitFor();
    await page.getByRole("img", { name: "hello@2 gets 100 %" }).waitFor();
    assert.equal((await host.ask("GET", "/v1/services/hello")).active, 2);
  });
});

test("a component is dropped as a canary, seen, and aborted", async () => {
  await at("#/services/hello", async (page, dashboard) => {
    const before = await host.ask("GET", "/v1/services/hello");
    await dashboard.drop("hello.wasm", await variant("hello", "tried"));
    const dialog = page.getByRole("dialog", { name: "Deploy a revision" });
    await dialog.getByText("More", { exact: true }).click();
    await dialog.getByLabel("As a canary").check();
    assert.ok(await dialog.getByLabel("Even if it breaks").isDisabled());
    await dialog.getByLabel("Shares").fill("30%");
    await dialog.getByLabel("How long").fill("10m");
    await dialog.getByRole("button", { name: "Deploy" }).click();
    const begun = dialog.getByText(/^hello@\d+ gets its first share$/);
    await begun.waitFor();
    const revision = (await begun.textContent()).split(" ")[0];
    await dialog.getByText("It exports the same as before.").waitFor();
    await dialog.getByRole("button", { name: "Close" }).click();

    await page.getByRole("heading", { name: `Canary of ${revision}` }).waitFor();
    await page.getByRole("img", { name: `${revision} gets 30 %` }).waitFor();
    assert.equal((await host.ask("GET", "/v1/services/hello")).active, before.active);
    await page.getByRole("button", { name: "Abort" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Abort" }).click();
    await page.getByText(`the canary of ${revision} is over`).waitFor();
  });
});

/** Waits until `probe` answers something; `what` says what is waited for. */
async function until(probe, what) {
  for (let tries = 0; tries < 600; tries += 1) {
    const answer = await probe();
    if (answer) {
      return answer;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`in vain: ${what}`);
}

/** Waits until there are `count` dead letters. */
function deadLetters(count) {
  return until(async () => {
    const letters = await host.ask("GET", "/v1/dead-letters");
    return letters.length === count ? letters : null;
  }, `there are ${count} dead letters`);
}

test("dead letters are shown, replayed and dropped", async () => {
  await order(host, 999);
  await order(host, 999);
  const [letter, other] = await deadLetters(2);
  await at("#/dead-letters", async (page) => {
    const button = (what, { message }) => page.getByRole("button", { name: `${what} ${message.id}` });
    await button("Show", letter).click();
    const dialog = page.getByRole("dialog", { name: "Dead letter" });
    await dialog.getByText('"specversion": "1.0"').waitFor();
    await page.keyboard.press("Escape");
    await button("Replay", letter).click();
    await page.getByText(`${letter.message.id} is on its way`).waitFor();
    await button("Drop", other).click();
    await page.getByRole("dialog").getByRole("button", { name: "Drop" }).click();
    await page.getByText(`${other.message.id} is dropped`).waitFor();
    // What was replayed cannot be handled this time either, and comes back.
    const [again] = await deadLetters(1);
    assert.deepEqual([again.message.id, again.replays], [letter.message.id, 1]);
    await page
      .getByRole("row", { name: new RegExp(letter.message.id) })
      .getByRole("cell", { name: "1", exact: true })
      .waitFor();
  });
});

test("a function is called with a form made of its types", async () => {
  await at("#/services/inventory/try", async (page) => {
    await page.getByLabel("Function").selectOption("shop:inventory/stock.reserve");
    await page.getByLabel("qty").fill("many");
    await page.getByRole("button", { name: "Call", exact: true }).click();
    await page.getByText("a whole number, please").first().waitFor();
    assert.ok(
      await page.getByLabel("qty").evaluate((field) => field === document.activeElement),
      "the focus is where the mistake is",
    );
    await page.getByLabel("sku").fill("tea");
    await page.getByLabel("qty").fill("2");
    await page.getByRole("button", { name: "Call", exact: true }).click();
    await page.locator(".result", { hasText: /^ok\(\{id: "res-/ }).waitFor();

    await page.getByLabel("sku").fill("nothing-like-it");
    await page.getByRole("button", { name: "Call", exact: true }).click();
    await page.locator(".result", { hasText: /^err\(/ }).waitFor();

    await page.getByLabel("Arguments as JSON").check();
    await page.getByLabel("Arguments item").fill('{"item": {"sku": "tea", "qty": 1}}');
    await page.getByRole("button", { name: "Call", exact: true }).click();
    await page.locator(".result", { hasText: /^ok\(\{id: "res-/ }).waitFor();
  });
});

test("logs come as they are printed, and can be filtered", async () => {
  await at("#/services/orders/logs", async (page) => {
    await page.getByRole("status").filter({ hasText: "live" }).waitFor();
    const { orderId } = await order(host);
    const line = page.locator(".log > div", { hasText: `confirmed order ${orderId}` });
    await line.waitFor();
    await page.getByLabel("Filter lines").fill("nothing like this");
    await line.waitFor({ state: "hidden" });
  });
});

test("rates and faults stand at the links while there are calls", async () => {
  await at("", async (page) => {
    await page.locator(".graph a.service").first().waitFor();
    const label = page.locator('.graph .edge[data-from="outside"][data-to="service:hello"] text');
    assert.equal(await label.count(), 0, "nobody calls it");
    let over = false;
    const calls = (async () => {
      while (!over) {
        await (await fetch(`${host.http}/hello`)).arrayBuffer();
      }
    })();
    await label.filter({ hasText: /^[\d.k]+\/s · [\d.]+ [µm]?s$/ }).waitFor();
    await page
      .locator('.graph .edge.live[data-from="outside"][data-to="service:hello"] path')
      .waitFor({ state: "attached" });
    await page
      .getByRole("row", { name: /^hello/ })
      .getByRole("cell", { name: /^[\d.k]+\/s$/ })
      .first()
      .waitFor();
    over = true;
    await calls;
    await label.waitFor({ state: "detached" });
  });
});

test("memory that a service holds is seen the moment it takes it, and falls when its revision is retired", async () => {
  const settings = 'routes = ["/*"]\ninstances = "reuse"\nmemory = "128MiB"';
  const holding = await Host.start(service("holder", "probe3", settings));
  try {
    const dashboard = await Dashboard.enter(browser, holding, "#/services/holder");
    const { page } = dashboard;
    const memory = page.locator(".figures > div", { has: page.getByText("Memory", { exact: true }) }).locator("dd");
    const mebibytes = async () => {
      const [, number, unit] = (await memory.textContent()).match(/^([\d.]+) (B|KiB|MiB)$/);
      return unit === "MiB" ? Number(number) : 0;
    };
    await memory.waitFor();
    assert.ok((await mebibytes()) < 64);
    // What the list of services said before is all that it says: the page has the number from what it follows.
    const services = await holding.ask("GET", "/v1/services");
    await page.route("**/v1/services", (route) => route.fulfill({ json: services }));
    assert.equal((await fetch(`${holding.http}/alloc?mib=64`)).status, 200);
    await until(async () => (await mebibytes()) >= 64, "the page shows what the instance took");
    await page.unroute("**/v1/services");
    const row = page.getByRole("row", { name: /holder@1/ });
    await row.getByRole("cell", { name: /^(6[4-9]|[789]\d) MiB$/ }).waitFor();

    await dashboard.drop("holder.wasm", await variant("probe3", "other"));
    const dialog = page.getByRole("dialog", { name: "Deploy a revision" });
    await dialog.getByRole("button", { name: "Deploy" }).click();
    await dialog.getByText("holder@2 serves instead of holder@1").waitFor();
    await dialog.getByRole("button", { name: "Close" }).click();
    await until(async () => (await mebibytes()) < 64, "the memory of the revision that was replaced is gone");
    await row.getByRole("cell", { name: "0 B", exact: true }).waitFor();
    await dashboard.close();
  } finally {
    await holding.stop();
  }
});

test("a trace is found and shown as a waterfall", async () => {
  await order(host);
  await at("#/traces", async (page) => {
    const trace = page.getByRole("row", { name: /POST \/api\/orders.*inventory.*payments/ }).first();
    await trace.getByRole("link").click();
    const spans = page.locator(".waterfall button");
    await spans.first().waitFor();
    assert.ok((await spans.count()) >= 6, "an order passes five services");
    await spans.filter({ hasText: "payments" }).first().click();
    await page.getByRole("status").filter({ hasText: "rpc.method" }).waitFor();
  });
});

test("the contract is there as WIT, with the types", async () => {
  await at("#/services/inventory/contract", async (page) => {
    const wit = page.locator(".wit", { hasText: "interface stock" });
    await wit.waitFor();
    assert.match(await wit.textContent(), /record item \{\n {4}sku: string,\n {4}qty: u\d+,/);
  });
});

test("messages are watched as they go by", async () => {
  await at("#/topics", async (page) => {
    await page.getByRole("cell", { name: "durable", exact: true }).first().waitFor();
    await page.getByLabel("Topics to watch").fill("shop.>");
    const watching = page.waitForResponse((reply) => reply.url().includes("/v1/tail"));
    await page.getByRole("button", { name: "Watch" }).click();
    await watching;
    const { orderId } = await order(host);
    await page.locator(".log > div", { hasText: String(orderId) }).waitFor();
  });
});

test("everything can be reached and done with the keyboard alone", async () => {
  await at("", async (page, dashboard) => {
    await page.locator(".graph a.service").first().waitFor();
    await page.evaluate(() => document.activeElement.blur());
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement.id), "main", "the link at the top skips the bar");
    await dashboard.tabTo('a.node[aria-label^="Service inventory"]');
    const outline = await page.evaluate(
      () => getComputedStyle(document.activeElement.querySelector("rect")).strokeWidth,
    );
    assert.equal(outline, "3px", "one sees where the focus is");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "inventory", level: 1 }).waitFor();
    await dashboard.tabTo('a[href="#/services/inventory/try"]');
    await page.keyboard.press("Enter");
    await page.getByLabel("Function").waitFor();
    await dashboard.tabTo("#function");
    await page.keyboard.press("s");
    await dashboard.tabTo("input[type=text]");
    await page.keyboard.type("tea");
    await page.keyboard.press("Enter");
    await page.locator(".result").first().waitFor();

    await page.keyboard.press("Shift+Tab");
    await page.evaluate(() => document.getElementById("deploy").focus());
    await page.keyboard.press("Enter");
    await page.getByRole("dialog", { name: "Deploy a revision" }).waitFor();
    await page.keyboard.press("Escape");
    assert.equal(await page.evaluate(() => document.activeElement.id), "deploy", "the focus comes back from a dialog");
  });
});
