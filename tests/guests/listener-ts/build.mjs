// Builds the component: bundles src/main.ts into one module, and puts the JavaScript engine around it. Everything it makes
// is under dist/.

import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { componentize } from "@bytecodealliance/componentize-js";
import { build } from "esbuild";

// The engine in componentize-js 0.23 is built for this version of WASI. The WIT in wit/deps is of a later 0.2.x; the
// interfaces are the same, so the copies are renamed.
const engine = "0.2.10";

const wit = "dist/wit";
await rm(wit, { recursive: true, force: true });
await mkdir(`${wit}/deps`, { recursive: true });
for (const file of await readdir("wit", { recursive: true })) {
  if (!file.endsWith(".wit")) continue;
  const text = await readFile(`wit/${file}`, "utf8");
  await writeFile(`${wit}/${file}`, file.startsWith("deps") ? text.replace(/\b0\.2\.\d+\b(?!-)/g, engine) : text);
}

const bundle = "dist/listener-ts.js";
await build({
  entryPoints: ["src/main.ts"],
  outfile: bundle,
  bundle: true,
  format: "esm",
  target: "es2022",
  external: ["wasi:*"],
  logLevel: "warning",
});

// It handles no requests and sends none.
const disableFeatures = ["http", "fetch-event"];
const { component } = await componentize({ sourcePath: bundle, witPath: wit, worldName: "listener-ts", disableFeatures });
await writeFile("dist/listener-ts.wasm", component);
