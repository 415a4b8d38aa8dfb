// Messages, as the host hands them over: what becomes of each.

import { Invalid, parse } from "./event";
import { type Outbox, type Settings, Unreachable } from "./outbox";

/** As far as this service looks at it. */
export interface Message {
  id: string;
  source: string;
  kind: string;
  data: Uint8Array;
}

export type Outcome =
  | { tag: "acknowledge" }
  | { tag: "retry"; val: { after?: bigint; reason?: string } }
  | { tag: "reject"; val: string };

/** Handles a message. */
export function handle(message: Message, outbox: Outbox, settings: Settings): Outcome {
  if (message.kind !== "OrderCreated") return { tag: "acknowledge" };
  try {
    outbox.send(`${message.source} ${message.id}`, parse(message.data), settings);
    return { tag: "acknowledge" };
  } catch (error) {
    // It will not be understood the next time either.
    if (error instanceof Invalid) return { tag: "reject", val: error.message };
    if (error instanceof Unreachable) return { tag: "retry", val: { reason: error.message } };
    throw error;
  }
}
