// Durations as the host writes them, rounded for people.

/** `1ms 204us 17ns` is `1.2ms`: nobody deploys by the nanosecond. */
export function rough(elapsed) {
  const [first = "", second = ""] = elapsed.split(" ");
  const [, whole, unit] = /^(\d+)([a-z]+)$/.exec(first) ?? [];
  const rest = Number.parseInt(second, 10);
  if (!unit) return elapsed;
  const isThousandth = ["s", "ms", "us"].includes(unit) && !Number.isNaN(rest);
  return isThousandth && whole.length < 3 ? `${whole}.${Math.floor(rest / 100)}${unit}` : first;
}
