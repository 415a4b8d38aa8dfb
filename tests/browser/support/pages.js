// A server of empty pages: what a front end of somebody else is to the host.

import { once } from "node:events";
import { createServer } from "node:http";

export class Pages {
  #server = createServer((_, reply) => {
    reply.setHeader("content-type", "text/html; charset=utf-8");
    reply.end("<!doctype html><title>page</title>");
  });

  /** Its port. Which origin a page has is up to the name it is asked for by. */
  port;

  static async start() {
    const pages = new Pages();
    pages.#server.listen(0, "127.0.0.1");
    await once(pages.#server, "listening");
    pages.port = pages.#server.address().port;
    return pages;
  }

  /** The origin of the pages below a name. */
  origin(name) {
    return `http://${name}:${this.port}`;
  }

  async stop() {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}
