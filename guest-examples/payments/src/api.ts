// The HTTP interface of the service: which request gets which response.

import { authorize, find, Invalid, parse } from "./payment";

export interface Settings {
  /** The currencies that are taken. */
  currencies: string[];
}

const PAYMENTS = "/api/payments";

/** Answers a request. */
export async function answer(request: Request, settings: Settings): Promise<Response> {
  const { pathname } = new URL(request.url);
  if (pathname === PAYMENTS) {
    return request.method === "POST" ? pay(request, settings) : notAllowed("POST");
  }
  if (pathname.startsWith(`${PAYMENTS}/`)) {
    const reading = request.method === "GET" || request.method === "HEAD";
    return reading ? show(pathname.slice(PAYMENTS.length + 1)) : notAllowed("GET, HEAD");
  }
  return problem(404, `there is nothing at ${pathname}; payments are under ${PAYMENTS}`);
}

async function pay(request: Request, settings: Settings): Promise<Response> {
  try {
    const payment = authorize(parse(await request.json(), settings.currencies));
    return json(201, payment, { location: `${PAYMENTS}/${payment.paymentId}` });
  } catch (error) {
    if (error instanceof Invalid) return problem(400, error.message);
    if (error instanceof SyntaxError) return problem(400, `the body is no JSON: ${error.message}`);
    throw error;
  }
}

function show(id: string): Response {
  const payment = find(id);
  return payment ? json(200, payment) : problem(404, `there is no payment ${id}`);
}

function notAllowed(allow: string): Response {
  return problem(405, `this path answers to ${allow}`, { allow });
}

/** What went wrong, as application/problem+json (RFC 9457). */
function problem(status: number, detail: string, headers = {}): Response {
  return json(status, { status, detail }, { ...headers, "content-type": "application/problem+json" });
}

function json(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json", ...headers } });
}
