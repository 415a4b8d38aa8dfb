// A service that handles messages with the draft of WASI. It does with them what they say.

import { send } from "wasi:messaging/producer@0.2.0-draft";
import { reply, request, RequestOptions } from "wasi:messaging/request-reply@0.2.0-draft";
import { Client, Message } from "wasi:messaging/types@0.2.0-draft";
import { read } from "./wish";

const noted: string[] = [];

/** The functions of test:listener/notes. */
export const notes = {
  take: () => noted.splice(0).join("\n"),
};

/** The functions of wasi:messaging/incoming-handler. */
export const incomingHandler = {
  handle(message: Message) {
    noted.push(new Map(message.metadata()).get("ce-id") ?? "no id");
    const wish = read(message.data());
    switch (wish.what) {
      case "fail":
        throw { tag: "other", val: "as it was asked to" };
      case "trap":
        throw new TypeError("as it was asked to");
      case "publish":
        return note(() => send(Client.connect("default"), wish.topic, publication(wish.data, wish.id)));
      case "ask":
        return note(() => ask(wish.topic, wish.wanted, wish.ms, wish.data));
      case "answer":
        return note(() => reply(message, publication(wish.data)));
    }
  },
};

function ask(topic: string, wanted: number, ms: number, data: string): string {
  const options = new RequestOptions();
  options.setTimeoutMs(ms);
  options.setExpectedReplies(wanted);
  const answers = request(Client.connect("default"), topic, publication(data), options);
  return answers.map((answer) => new TextDecoder().decode(answer.data())).join(", ");
}

function publication(data: string, id?: string): Message {
  const message = new Message(new TextEncoder().encode(data));
  message.setContentType("text/plain");
  message.addMetadata("ce-type", "Told");
  message.addMetadata("h", "1");
  if (id) message.addMetadata("ce-id", id);
  return message;
}

/** Notes what comes of something that may fail. */
function note(act: () => string | void) {
  try {
    noted.push(`ok ${act() ?? ""}`);
  } catch (error) {
    const { tag, val } = (error as { payload: { tag: string; val?: string } }).payload;
    noted.push(`${tag} ${val ?? ""}`);
  }
}
