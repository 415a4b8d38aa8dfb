// What the host is like now, as far as more than one view shows it, and who wants to know when it changes.

import { get, getIfThere } from "./api.js";
import { follow } from "./follow.js";
import { between, subscriptionRates } from "./rates.js";

/** How often what nobody announces is asked for, such as numbers of instances, in milliseconds. */
const EVERY = 5000;

export const state = {
  services: null,
  topics: [],
  subscriptions: [],
  /** What each of them gets per second. */
  deliveries: new Map(),
  host: null,
  /** Rates by link and topic; `null` while there are no numbers. */
  rates: null,
  /** The newest events first. */
  events: [],
  connected: false,
  bus: null,
};

const watchers = new Set();

/** Calls `look` now and after every change, until the returned function is called. */
export function watch(look) {
  watchers.add(look);
  look();
  return () => watchers.delete(look);
}

const changed = () => watchers.forEach((look) => look());

/** Asks for all of it. */
export async function refresh() {
  try {
    const parts = await Promise.all([
      get("/v1/services"),
      get("/v1/host"),
      orProblem("/v1/topics"),
      orProblem("/v1/subscriptions"),
    ]);
    const [services, host, topics, subscriptions] = parts;
    Object.assign(state, { services, host, connected: true, bus: topics.problem ?? null });
    state.topics = topics.list ?? state.topics;
    if (subscriptions.list) countDeliveries(subscriptions.list, performance.now());
  } catch {
    state.connected = false;
  }
  changed();
}

let counted = null;
function countDeliveries(list, now) {
  // Two lists in quick succession would make one message look like many a second.
  const seconds = counted ? (now - counted.at) / 1000 : 0;
  if (!counted || seconds >= 2) {
    state.deliveries = counted ? subscriptionRates(counted.list, list, seconds) : new Map();
    counted = { at: now, list };
  }
  state.subscriptions = list;
}

/** What the bus knows. It may be away while everything else goes on. */
async function orProblem(path) {
  try {
    return { list: await get(path) };
  } catch (problem) {
    if (problem.status === 503) return { problem: problem.message };
    throw problem;
  }
}

let soon = null;
function refreshSoon() {
  soon ??= setTimeout(() => {
    soon = null;
    refresh();
  }, 150);
}

/** Begins to follow the host. */
export async function start() {
  await refresh();
  setInterval(() => document.hidden || refresh(), EVERY);
  document.addEventListener("visibilitychange", () => document.hidden || refresh());
  follow(
    "/v1/events?follow=true",
    ["event"],
    (_, event) => {
      state.events.unshift(event);
      state.events.length = Math.min(state.events.length, 500);
      refreshSoon();
    },
    (connected) => {
      if (state.connected === connected) return;
      state.connected = connected;
      changed();
    },
  );
  await followActivity();
}

/** Rates come from what the host counts. A host that does not count answers 404, and is left alone. */
async function followActivity() {
  let before = await getIfThere("/v1/activity").catch(() => null);
  if (!before) return;
  follow("/v1/activity?follow=true", ["activity"], (_, now) => {
    state.rates = between(before, now) ?? state.rates;
    before = now;
    changed();
  });
}
