// How times and numbers are written.

const pad = (n, width) => String(n).padStart(width, "0");

// known is false for Go's zero time.
export const known = (at) => Boolean(at) && !at.startsWith("0001-");

// clock is the time of day, with milliseconds if asked for.
export function clock(at, fine) {
  const d = new Date(at);
  if (Number.isNaN(d.getTime())) return "";
  const text = pad(d.getHours(), 2) + ":" + pad(d.getMinutes(), 2) + ":" + pad(d.getSeconds(), 2);
  return fine ? text + "." + pad(d.getMilliseconds(), 3) : text;
}

// iso is the whole time, for the tooltip.
export function iso(at) {
  const d = new Date(at);
  return Number.isNaN(d.getTime()) ? "" : d.toISOString();
}

// span is a length of time for people.
export function span(ms) {
  if (ms <= 0) return "less than 1 ms";
  if (ms < 1000) return Math.round(ms) + " ms";
  const s = Math.round(ms / 1000);
  if (s < 60) return s + " s";
  if (s < 3600) return Math.floor(s / 60) + " min " + (s % 60) + " s";
  if (s < 86400) return Math.floor(s / 3600) + " h " + Math.floor((s % 3600) / 60) + " min";
  return Math.floor(s / 86400) + " d " + Math.floor((s % 86400) / 3600) + " h";
}

// latency is a number of nanoseconds.
export function latency(ns) {
  if (!ns) return "–";
  const ms = ns / 1e6;
  if (ms < 1) return (ms * 1000).toFixed(0) + " µs";
  if (ms < 10) return (Number.isInteger(ms) ? ms : ms.toFixed(1)) + " ms";
  if (ms < 1000) return ms.toFixed(0) + " ms";
  return (ms / 1000).toFixed(ms < 10000 ? 2 : 1) + " s";
}

// rate is a number per second.
export function rate(n) {
  if (n < 10) return Number.isInteger(n) ? String(n) : n.toFixed(1);
  return count(Math.round(n));
}

// count is a whole number; big ones are shortened.
export function count(n) {
  if (n < 10000) return String(n);
  if (n < 1e6) return (n / 1e3).toFixed(n < 1e5 ? 1 : 0) + "k";
  return (n / 1e6).toFixed(1) + "M";
}

// share is a part of a whole in percent.
export function share(part, whole) {
  if (!whole) return "";
  const p = (100 * part) / whole;
  return (p > 0 && p < 0.1 ? "<0.1" : p.toFixed(p < 10 && p > 0 ? 1 : 0)) + " %";
}
