// Numbers as people read them.

/** A rate per second: `0`, `0.4/s`, `12/s`, `3.4k/s`. */
export function rate(perSecond) {
  if (!(perSecond > 0)) return "0/s";
  if (perSecond < 0.1) return "<0.1/s";
  return `${short(perSecond)}/s`;
}

/** A number in three digits or so: `0.4`, `12`, `3.4k`, `1.2M`. */
export function short(number) {
  for (const [unit, name] of [
    [1e9, "G"],
    [1e6, "M"],
    [1e3, "k"],
  ]) {
    if (number >= unit) return `${few(number / unit)}${name}`;
  }
  return few(number);
}

function few(number) {
  if (Number.isInteger(number)) return String(number);
  return number < 10 ? number.toFixed(1).replace(/\.0$/, "") : String(Math.round(number));
}

/** A duration in seconds: `85 µs`, `1.2 ms`, `3 s`. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined || Number.isNaN(seconds)) return "–";
  if (seconds < 1e-3) return `${few(seconds * 1e6)} µs`;
  if (seconds < 1) return `${few(seconds * 1e3)} ms`;
  return seconds < 120 ? `${few(seconds)} s` : `${few(seconds / 60)} min`;
}

/** A size in bytes: `512 B`, `1.2 MiB`. */
export function size(bytes) {
  for (const [unit, name] of [
    [2 ** 30, "GiB"],
    [2 ** 20, "MiB"],
    [2 ** 10, "KiB"],
  ]) {
    if (bytes >= unit) return `${few(bytes / unit)} ${name}`;
  }
  return `${bytes} B`;
}

/** How long ago something was: `just now`, `3 min ago`. */
export function ago(time, now = Date.now()) {
  const seconds = Math.max(0, (now - Date.parse(time)) / 1000);
  if (seconds < 5) return "just now";
  for (const [unit, name] of [
    [86400, "d"],
    [3600, "h"],
    [60, "min"],
  ]) {
    if (seconds >= unit) return `${Math.floor(seconds / unit)} ${name} ago`;
  }
  return `${Math.floor(seconds)} s ago`;
}

/** The time of day. */
export function clock(time) {
  const at = new Date(time);
  return Number.isNaN(at.getTime()) ? String(time) : at.toLocaleTimeString(undefined, { hour12: false });
}

/** A share, from a part and a whole. */
export function share(part, whole) {
  if (!(whole > 0)) return "0 %";
  const percent = (100 * part) / whole;
  return `${percent > 0 && percent < 0.1 ? "<0.1" : few(percent)} %`;
}

/** The first digits of a digest. */
export const digest = (text) => text.replace("sha256:", "").slice(0, 12);

/** `1 call`, `2 calls`. */
export const many = (count, one, more = `${one}s`) => `${count} ${count === 1 ? one : more}`;
