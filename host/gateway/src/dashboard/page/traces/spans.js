// Spans of one trace as rows of a waterfall: pure.

/** How long something took, in seconds, however it says so. */
export function secondsOf(span) {
  if (typeof span.durationSeconds === 'number') return span.durationSeconds;
  if (typeof span.duration === 'number') return span.duration;
  const [from, until] = [Date.parse(span.start), Date.parse(span.end)];
  return Number.isNaN(from) || Number.isNaN(until) ? null : (until - from) / 1000;
}

/** Rows in the order of a tree, each with its depth and where it lies in the whole: `begin` and `length` from 0 to 1. Spans
 * whose parent is not there stand at the top. */
export function rows(spans) {
  const begins = (span) => timeOf(span.start);
  const first = Math.min(...spans.map(begins));
  const last = Math.max(...spans.map((span) => begins(span) + (secondsOf(span) ?? 0)));
  const whole = Math.max(last - first, 1e-9);
  const ids = new Set(spans.map((span) => span.spanId));
  const children = new Map();
  for (const span of spans) {
    const parent = span.parentSpanId ?? span.parent;
    const at = parent !== span.spanId && ids.has(parent) ? parent : null;
    children.set(at, [...(children.get(at) ?? []), span]);
  }
  const seen = new Set();
  const walk = (parent, depth) => (children.get(parent) ?? [])
    .sort((a, b) => begins(a) - begins(b))
    .flatMap((span) => {
      if (seen.has(span.spanId)) return [];
      seen.add(span.spanId);
      const row = { span, depth, begin: (begins(span) - first) / whole, length: (secondsOf(span) ?? 0) / whole };
      return [row, ...walk(span.spanId, depth + 1)];
    });
  return { seconds: whole, rows: walk(null, 0) };
}

/** A time as seconds, with all the digits that RFC 3339 may have: `Date` drops those behind milliseconds. */
export function timeOf(text) {
  if (typeof text === 'number') return text;
  const [, fraction = '0'] = /\.(\d+)/.exec(text) ?? [];
  return Math.floor(Date.parse(text) / 1000) + Number(`0.${fraction}`);
}
