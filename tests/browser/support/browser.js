// Chromium, driven by Playwright.

import { chromiumPath, requirePackage } from "./environment.js";

const { chromium } = requirePackage("playwright-core");

/** What keeps the browser from talking to anybody but the pages of a test. */
const QUIET = [
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-quic",
  "--disable-sync",
  "--no-first-run",
];

/**
 * Starts a browser. Every name leads to this machine, so that a test can have pages of any origin. There is no sandbox: it
 * cannot be had as root or without user namespaces, and all pages are the test's own.
 */
export function launch() {
  return chromium.launch({
    executablePath: chromiumPath,
    chromiumSandbox: false,
    args: [...QUIET, "--host-resolver-rules=MAP * 127.0.0.1"],
  });
}
