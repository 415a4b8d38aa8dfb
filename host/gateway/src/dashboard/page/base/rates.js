// Rates from two snapshots of what the host counts.

/** What happened between two snapshots: rates per second of links and topics, and latencies within which the half and 99
 * of 100 calls ended. `null` where no time has passed. A counter that went back began anew, and counts from zero. */
export function between(before, now) {
  const seconds = (Date.parse(now.time) - Date.parse(before.time)) / 1000;
  if (!(seconds > 0)) return null;
  const old = new Map(before.links.map((link) => [key(link), link]));
  const links = new Map(now.links.map((link) => [key(link), linkRates(old.get(key(link)), link, seconds)]));
  const oldTopics = new Map(before.topics.map((topic) => [topic.name, topic]));
  const topics = new Map(now.topics.map((topic) => [topic.name, topicRates(oldTopics.get(topic.name), topic, seconds)]));
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
  const buckets = differences(old?.latency.buckets ?? [], now.latency.buckets);
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
    published: per('published'), delivered: per('delivered'), redelivered: per('redelivered'), dead: per('dead'),
    pending: now.pending,
  };
}

/** Cumulative buckets as what fell into each of them. */
function differences(old, now) {
  const before = new Map(old.map(([upper, count]) => [upper, count]));
  const cumulative = now.map(([upper, count]) => [upper, since(before.get(upper), count)]);
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
    const top = bound(upper);
    if (count > 0 && left <= count) {
      // Above the last bound nothing is known but that it is above.
      return Number.isFinite(top) ? lower + (top - lower) * (left / count) : lower;
    }
    left -= count;
    if (Number.isFinite(top)) lower = top;
  }
  return lower;
}

/** JSON has no infinity, so the last bound may be `null` or text. */
function bound(upper) {
  const number = upper === null ? Infinity : Number(upper);
  return Number.isNaN(number) ? Infinity : number;
}
