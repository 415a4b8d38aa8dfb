// What the HTTP side of the service uses of WASI, as TypeScript sees it.

declare module "wasi:io/streams@0.2.10" {
  export class OutputStream {
    blockingWriteAndFlush(contents: Uint8Array): void;
  }
}

declare module "wasi:http/types@0.2.10" {
  import type { OutputStream } from "wasi:io/streams@0.2.10";

  export class Fields {
    static fromList(entries: [string, Uint8Array][]): Fields;
  }

  export class IncomingRequest {
    method(): { tag: string };
    pathWithQuery(): string | undefined;
  }

  export class OutgoingResponse {
    constructor(headers: Fields);
    setStatusCode(status: number): void;
    body(): OutgoingBody;
  }

  export class OutgoingBody {
    write(): OutputStream;
    static finish(body: OutgoingBody, trailers: Fields | undefined): void;
  }

  export class ResponseOutparam {
    static set(param: ResponseOutparam, response: { tag: "ok"; val: OutgoingResponse }): void;
  }
}
