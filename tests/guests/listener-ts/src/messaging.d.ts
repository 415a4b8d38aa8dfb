// What wit/world.wit imports, as TypeScript sees it: `result` becomes a return or an exception, `none` is undefined.

declare module "wasi:messaging/types@0.2.0-draft" {
  export class Client {
    static connect(name: string): Client;
    disconnect(): void;
  }

  export class Message {
    constructor(data: Uint8Array);
    topic(): string | undefined;
    contentType(): string | undefined;
    setContentType(contentType: string): void;
    data(): Uint8Array;
    metadata(): [string, string][] | undefined;
    addMetadata(key: string, value: string): void;
  }
}

declare module "wasi:messaging/producer@0.2.0-draft" {
  import type { Client, Message } from "wasi:messaging/types@0.2.0-draft";
  export function send(client: Client, topic: string, message: Message): void;
}

declare module "wasi:messaging/request-reply@0.2.0-draft" {
  import type { Client, Message } from "wasi:messaging/types@0.2.0-draft";

  export class RequestOptions {
    setTimeoutMs(ms: number): void;
    setExpectedReplies(replies: number): void;
  }

  export function request(client: Client, topic: string, message: Message, options?: RequestOptions): Message[];
  export function reply(replyTo: Message, message: Message): void;
}
