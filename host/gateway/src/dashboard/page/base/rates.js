// Rates from two snapshots of what the host counts.

/** What happened between two snapshots: rates per second of links and topics, and latencies within which the half and 99
 * of 100 calls ended. `null` where no time has passed. A counter that went back began anew, and counts from zero. */
export function between(before, now) {
  const seconds = (Date.parse(now.time) - Date.parse(before.time)) / 1000;
  if (!(seconds > 0)) return null;
  const old = new Map(before.links.map((link) => [key(link), link]));
  const links = new Map(now.links.map((link) => [key(link), linkRates(old.get(key(link)), link, seconds)]));
  const oldTopics = new Map(before.topics.map((topic) => [topic.name, topic]));
  const topics = new Map(
    now.topics.map((topic) => [topic.name, topicRates(oldTopics.get(topic.name), topic, seconds)]),
  );
  return { seconds, links, topics, services: new Map(now.services.map((service) => [service.name, service])) };
}

const key = ({ caller, service }) => linkKey(caller, service);

/** By what a link is found. */
export const linkKey = (caller, service) => `${caller}>${service}`;

function since(old, now) {
  return now >= (old ?? 0) ? now - (old ?? 0) : now;
}

function linkRates(old, now, seconds) {
  const calls = since(old?.calls, now.calls);
  const faults = Object.entries(now.faults)
    .map(([kind, count]) => [kind, since(old?.faults[kind], count)])
    .filter(([, count]) => count > 0);
  // An answer of 500 or more is no fault of the host's, but one of the service's.
  const errors = since(old?.error_replies, now.error_replies ?? 0);
  if (errors > 0) faults.push(["error-reply", errors]);
  const buckets = differences(old?.latency, now.latency);
  return {
    calls: calls / seconds,
    faults: faults.reduce((sum, [, count]) => sum + count, 0) / seconds,
    kinds: faults.map(([kind, count]) => [kind, count / seconds]),
    p50: quantile(buckets, 0.5),
    p99: quantile(buckets, 0.99),
  };
}

function topicRates(old, now, seconds) {
  const per = (name) => since(old?.[name], now[name]) / seconds;
  return {
    published: per("published"),
    delivered: per("delivered"),
    redelivered: per("redelivered"),
    dead: per("dead"),
    pending: now.pending,
  };
}

/** Cumulative buckets as what fell into each of them. What took longer than the last bound is in the count alone. */
function differences(old, now) {
  const before = new Map(old?.buckets ?? []);
  const cumulative = now.buckets.map(([upper, count]) => [upper, since(before.get(upper), count)]);
  cumulative.push([Infinity, since(old?.count, now.count)]);
  return cumulative.map(([upper, count], at) => [upper, Math.max(0, count - (cumulative[at - 1]?.[1] ?? 0))]);
}

/** The value below which `share` of the observations lie, in seconds: within its bucket as if they lay evenly in it, as
 * Prometheus does. `null` without observations. */
export function quantile(buckets, share) {
  const total = buckets.reduce((sum, [, count]) => sum + count, 0);
  if (total === 0) return null;
  let left = share * total;
  let lower = 0;
  for (const [upper, count] of buckets) {
    // Above the last bound nothing is known but that it is above.
    if (count > 0 && left <= count) return Number.isFinite(upper) ? lower + (upper - lower) * (left / count) : lower;
    left -= count;
    if (Number.isFinite(upper)) lower = upper;
  }
  return lower;
}

/** What subscriptions got per second between two lists of them, by `subscriptionKey`. */
export function subscriptionRates(before, now, seconds) {
  if (!(seconds > 0)) return new Map();
  const old = new Map(before.map((each) => [subscriptionKey(each), each.delivered]));
  return new Map(
    now
      .filter((each) => old.has(subscriptionKey(each)))
      .map((each) => [subscriptionKey(each), since(old.get(subscriptionKey(each)), each.delivered) / seconds]),
  );
}

/** By what a subscription is found. */
export const subscriptionKey = ({ service, topic, group }) => `${service} ${topic} ${group}`;
