// The HTTP interface of the service: which request gets which reply.

import type { Outbox } from "./outbox";

export interface Reply {
  status: number;
  headers: Record<string, string>;
  body: string;
}

const NOTIFICATIONS = "/api/notifications";

/** Answers a request. `path` is with the query. */
export function answer(method: string, path: string, outbox: Outbox): Reply {
  const [pathname] = path.split("?");
  if (pathname !== NOTIFICATIONS) return problem(404, `there is nothing at ${pathname}; try ${NOTIFICATIONS}`);
  // The host leaves the body of a HEAD out.
  if (method !== "get" && method !== "head") return problem(405, "this path answers to GET, HEAD", { allow: "GET, HEAD" });
  return reply(200, outbox.list(), { "content-type": "application/json" });
}

/** What went wrong, as application/problem+json (RFC 9457). */
function problem(status: number, detail: string, headers = {}): Reply {
  return reply(status, { status, detail }, { ...headers, "content-type": "application/problem+json" });
}

function reply(status: number, content: unknown, headers: Record<string, string>): Reply {
  return { status, headers, body: JSON.stringify(content) };
}
