// What `cargo xtask browser` and `cargo xtask test` tell the tests: where things are.

import { createRequire } from "node:module";
import { join } from "node:path";

function told(name) {
  const value = process.env[name];
  if (!value) {
    throw new Error(`${name} is not set: run the tests with \`cargo xtask browser\``);
  }
  return value;
}

/** The top of the repository. */
export const root = told("PATCHBAY_ROOT");

/** The host's program. */
export const binary = told("PATCHBAY_BINARY");

/** The browser's program. */
export const chromiumPath = told("PATCHBAY_CHROMIUM");

/** Loads one of the packages that `package-lock.json` names. They are not beside the tests, but under `target/`. */
export const requirePackage = createRequire(join(told("PATCHBAY_PACKAGES"), "package.json"));

/** The component of a guest. */
export function guest(name) {
  return join(told("PATCHBAY_GUESTS"), `${name}.wasm`);
}
