// Spans of one trace as rows of a waterfall: pure.

/** Rows in the order of a tree, each with its depth and where it lies in the whole: `begin` and `length` from 0 to 1. Spans
 * whose parent is not there stand at the top. */
export function rows({ duration_seconds: seconds, spans }) {
  const whole = Math.max(seconds, 1e-9);
  const ids = new Set(spans.map(({ span }) => span));
  const children = new Map();
  for (const span of spans) {
    const parent = ids.has(span.parent) && span.parent !== span.span ? span.parent : null;
    children.set(parent, [...(children.get(parent) ?? []), span]);
  }
  const seen = new Set();
  const walk = (parent, depth) =>
    (children.get(parent) ?? [])
      .sort((a, b) => a.offset_seconds - b.offset_seconds)
      .flatMap((span) => {
        if (seen.has(span)) return [];
        seen.add(span);
        return [
          { span, depth, begin: span.offset_seconds / whole, length: span.duration_seconds / whole },
          ...walk(span.span, depth + 1),
        ];
      });
  const shown = walk(null, 0);
  // Parents of each other hang from nothing; they are shown all the same. So are spans with one id, which services can give.
  return [
    ...shown,
    ...spans
      .filter((span) => !seen.has(span))
      .map((span) => ({ span, depth: 0, begin: span.offset_seconds / whole, length: span.duration_seconds / whole })),
  ];
}

/** The trace that a `traceparent` names (W3C Trace Context, 3.2.2). */
export const traceOf = (traceparent) => traceparent.split("-")[1] ?? "";
