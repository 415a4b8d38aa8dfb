// The admin API, as the page uses it. There is nothing else that the page talks to.

import { reader } from "./sse.js";

/** What the API says when it refuses: a problem (RFC 9457). */
export class Problem extends Error {
  constructor(problem) {
    super(problem.detail || problem.title || "the host gave no reason");
    this.status = problem.status;
    this.title = problem.title;
    this.step = problem.step;
  }
}

async function request(method, path, { body, type, accept } = {}) {
  const headers = {};
  // Shows that a script of this page asks, and no page of others.
  if (method !== "GET") headers["x-patchbay-dashboard"] = "1";
  if (type) headers["content-type"] = type;
  if (accept) headers.accept = accept;
  let reply;
  try {
    reply = await fetch(path, { method, headers, body, cache: "no-store" });
  } catch {
    throw new Problem({ status: 0, title: "No answer", detail: "the host does not answer" });
  }
  if (reply.ok) return reply;
  // The session is over.
  if (reply.status === 401) location.assign("/dashboard/login");
  throw new Problem(await reply.json().catch(() => ({ status: reply.status, title: reply.statusText })));
}

export const get = async (path) => (await request("GET", path)).json();
export const remove = async (path) => (await request("DELETE", path)).json();
export const post = async (path, body = {}) => (await json("POST", path, body)).json();
export const endSession = () => request("DELETE", "/dashboard/session");

function json(method, path, body, accept) {
  return request(method, path, { body: JSON.stringify(body), type: "application/json", accept });
}

/** `null` where the host has no such thing, for parts of the API that not every host has. */
export async function getIfThere(path) {
  try {
    return await get(path);
  } catch (problem) {
    if (problem.status === 404) return null;
    throw problem;
  }
}

/** Changes something, and tells the steps as they happen. Returns the outcome. */
export async function change(method, path, body, onStep = () => {}) {
  const accept = "text/event-stream";
  const reply = method === "DELETE" ? await request(method, path, { accept }) : await json(method, path, body, accept);
  let outcome = null;
  let failure = null;
  const read = reader((name, data) => {
    if (name === "step") onStep(data);
    else if (name === "outcome") outcome = data;
    else if (name === "error") failure = new Problem(data);
  });
  const pieces = reply.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let piece = await pieces.read(); !piece.done; piece = await pieces.read()) read(piece.value);
  if (failure) throw failure;
  if (!outcome)
    throw new Problem({ title: "Broken off", detail: "the connection broke off; the change goes on in the host" });
  return outcome;
}

/** Uploads a component, and returns its digest and size. */
export async function upload(file) {
  return (await request("POST", "/v1/components", { body: file, type: "application/wasm" })).json();
}
