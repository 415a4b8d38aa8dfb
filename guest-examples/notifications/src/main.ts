// The service: hands every message to the handler, and every HTTP request to the API. This file is what runs in the
// component only; the rest runs anywhere, and is tested in Node.

import { get } from "wasi:config/store@0.2.0-rc.1";
import {
  Fields,
  type IncomingRequest,
  OutgoingBody,
  OutgoingResponse,
  ResponseOutparam,
} from "wasi:http/types@0.2.10";
import { answer, type Reply } from "./api";
import { handle, type Message } from "./handler";
import { addresses, Outbox, type Settings } from "./outbox";

const USERS = "456:ada@shop.example, 457:grace@shop.example, 458:edsger@shop.example";

const outbox = new Outbox((line) => console.log(line));

/** The functions of patchbay:host/message-handler. */
export const messageHandler = {
  handle: (message: Message) => handle(message, outbox, settings()),
};

/** The functions of wasi:http/incoming-handler. Not a listener for `fetch`, which takes one request per instance. */
export const incomingHandler = {
  handle(request: IncomingRequest, out: ResponseOutparam) {
    const reply = answer(request.method().tag, request.pathWithQuery() ?? "/", outbox);
    dispose(request);
    send(reply, out);
  },
};

function settings(): Settings {
  return { addresses: addresses(get("addresses") ?? USERS), postmaster: get("postmaster") };
}

function send({ status, headers, body }: Reply, out: ResponseOutparam) {
  const encode = (text: string) => new TextEncoder().encode(text);
  const bytes = encode(body);
  const all = Object.entries({ ...headers, "content-length": String(bytes.length) });
  const response = new OutgoingResponse(Fields.fromList(all.map(([name, value]) => [name, encode(value)])));
  response.setStatusCode(status);
  const outgoing = response.body();
  ResponseOutparam.set(out, { tag: "ok", val: response });
  try {
    const stream = outgoing.write();
    for (let start = 0; start < bytes.length; start += AT_ONCE) {
      stream.blockingWriteAndFlush(bytes.subarray(start, start + AT_ONCE));
    }
    // A body is finished when its stream is gone.
    dispose(stream);
    OutgoingBody.finish(outgoing, undefined);
  } catch {
    // A caller that went away, or that wanted the head only, is no failure of this service.
  }
}

/** The most that one write takes. */
const AT_ONCE = 4096;

function dispose(resource: object) {
  const symbol = (Symbol as { dispose?: symbol }).dispose ?? Symbol.for("dispose");
  (resource as Record<symbol, () => void>)[symbol]?.();
}
