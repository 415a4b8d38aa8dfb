// A running host: the real program in a folder of its own, on ports that are free.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

import { binary, guest } from "./environment.js";

/** One service of `runtime.toml`, from a guest; `rest` are further lines of it. */
export function service(name, component, rest = "") {
  return `[services.${name}]\ncomponent = ${JSON.stringify(guest(component))}\n${rest}\n`;
}

/** What a command of `patchbay` prints, as JSON. */
export async function command(...words) {
  const { stdout } = await promisify(execFile)(binary, [...words, "--json"]);
  return JSON.parse(stdout);
}

export class Host {
  #folder;
  #process;

  /** Where callers reach it, and where operators do: `http://ADDRESS:PORT`. */
  http;
  admin;
  /** The token of the admin API. */
  token;

  /** Starts a host with these sections, and waits until it serves. The first of them may go on with keys of `[admin]`. */
  static async start(sections) {
    const host = new Host();
    host.#folder = await mkdtemp(join(tmpdir(), "patchbay-browser-"));
    try {
      await host.#run(sections);
    } catch (error) {
      await host.stop();
      throw error;
    }
    return host;
  }

  async #run(sections) {
    const base = '[http]\nlisten = "127.0.0.1:0"\n[admin]\nlisten = "127.0.0.1:0"\n';
    await writeFile(join(this.#folder, "runtime.toml"), base + sections);
    const log = await open(join(this.#folder, "host.log"), "a");
    this.#process = spawn(binary, ["up", "--json"], {
      cwd: this.#folder,
      env: { ...process.env, RUST_LOG: "info" },
      stdio: ["ignore", "pipe", log.fd],
    });
    await log.close();
    const lines = createInterface({ input: this.#process.stdout });
    const [line] = await Promise.race([once(lines, "line"), once(this.#process, "exit").then(() => [])]);
    if (!line) {
      throw new Error(`the host did not start:\n${await this.log()}`);
    }
    ({ http: this.http, admin: this.admin } = JSON.parse(line));
    this.token = (await readFile(join(this.#folder, "state/admin.token"), "utf8")).trim();
  }

  /** What it has logged. */
  async log() {
    return readFile(join(this.#folder, "host.log"), "utf8");
  }

  /** Asks the admin API; the answer has to be a success. */
  async ask(method, path, body) {
    const reply = await fetch(`${this.admin}${path}`, {
      method,
      headers: { authorization: `Bearer ${this.token}`, "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (!reply.ok) {
      throw new Error(`${method} ${path}: ${reply.status} ${await reply.text()}`);
    }
    return reply.json();
  }

  /** Ends it, and removes its folder. */
  async stop() {
    if (this.#process && this.#process.exitCode === null && this.#process.signalCode === null) {
      const exited = once(this.#process, "exit");
      this.#process.kill("SIGKILL");
      await exited;
    }
    await rm(this.#folder, { recursive: true, force: true });
  }
}
