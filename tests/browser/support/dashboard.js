// The dashboard as a person finds it: a page that is logged in, and what it must never do.

import assert from "node:assert/strict";

export class Dashboard {
  /** What the page asked for that is not this host's, what its policy forbade, and what went wrong in its scripts. */
  strays = [];

  constructor(context, page, host) {
    Object.assign(this, { context, page, host });
  }

  /** Opens a page of its own, which is not logged in. `options` are those of a context: scheme, size and so on. */
  static async open(browser, host, options = {}) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, ...options });
    const page = await context.newPage();
    const dashboard = new Dashboard(context, page, host);
    page.on("request", (request) => {
      const url = request.url();
      if (!url.startsWith(`${host.admin}/`) && !url.startsWith("data:")) {
        dashboard.strays.push(`asked for ${url}`);
      }
    });
    page.on("pageerror", (error) => dashboard.strays.push(`threw ${error.stack}`));
    page.on("console", (message) => {
      if (/Content Security Policy|violates/i.test(message.text())) {
        dashboard.strays.push(message.text());
      }
    });
    return dashboard;
  }

  /** The same, logged in, at a view. */
  static async enter(browser, host, hash = "", options = {}) {
    const dashboard = await Dashboard.open(browser, host, options);
    await dashboard.login();
    await dashboard.go(hash);
    return dashboard;
  }

  async login(token = this.host.token) {
    await this.page.goto(`${this.host.admin}/`);
    await this.page.getByLabel("Admin token").fill(token);
    await this.page.getByRole("button", { name: "Open the dashboard" }).click();
  }

  /** Goes to a view, and waits until the page knows the host. */
  async go(hash) {
    await this.page.goto(`${this.host.admin}/dashboard/${hash}`);
    await this.page.locator("#state.good, #state.warn").waitFor();
  }

  /** Drops a file onto the page, as a person would with the mouse. */
  async drop(name, bytes) {
    const transfer = await this.page.evaluateHandle(
      ([called, base64]) => {
        const transfer = new DataTransfer();
        const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
        transfer.items.add(new File([bytes], called, { type: "application/wasm" }));
        return transfer;
      },
      [name, bytes.toString("base64")],
    );
    for (const type of ["dragenter", "dragover", "drop"]) {
      await this.page.dispatchEvent("main", type, { dataTransfer: transfer });
    }
  }

  /** Presses Tab until `selector` has the focus. */
  async tabTo(selector, most = 80) {
    for (let presses = 0; presses < most; presses += 1) {
      await this.page.keyboard.press("Tab");
      if (await this.page.evaluate((wanted) => document.activeElement?.matches(wanted), selector)) {
        return;
      }
    }
    assert.fail(`the keyboard does not reach ${selector}`);
  }

  /** Ends the page, which must not have done what it must never do. */
  async close() {
    await this.context.close();
    assert.deepEqual(this.strays, []);
  }
}
