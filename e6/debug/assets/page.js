// The page: it keeps what the stream sends and shows it, at most once for each
// frame of the screen.

import { Charts } from "./chart.js";
import { clock, count, known, latency, rate, share, span } from "./format.js";
import { light, roleOf, serves } from "./machine.js";
import { connect } from "./stream.js";
import { Timeline } from "./timeline.js";
import { cause, changes, EventTable, showErrors, showTransitions } from "./tables.js";

const keptEvents = 1000;
const keptSteps = 200;
const keptSamples = 600;

const model = { now: null, offset: 0, closed: false, lostAt: null, events: [], transitions: [], samples: [], changed: new Set() };
const charts = new Charts();
const table = new EventTable();
const timeline = new Timeline();
const get = (id) => document.getElementById(id);
const title = (side) => side.charAt(0).toUpperCase() + side.slice(1);

// set writes only what is different, so that a screen reader does not repeat it.
function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function tone(element, value) {
  if (element.dataset.tone !== value) element.dataset.tone = value;
}

function addSamples(samples) {
  const last = model.samples.at(-1)?.at ?? 0;
  for (const s of samples) {
    s.at = Date.parse(s.time);
    if (s.at > last) model.samples.push(s);
  }
  model.samples = model.samples.slice(-keptSamples);
}

function dated(t) {
  t.at = Date.parse(t.time);
  return t;
}

function changed(...what) {
  if (model.changed.size === 0) requestAnimationFrame(show);
  for (const w of what) model.changed.add(w);
}

function onTick(tick) {
  model.now = tick;
  model.offset = Date.parse(tick.time) - Date.now();
  addSamples(tick.samples);
  timeline.tick();
  changed("now");
}

function onState(state) {
  model.closed = state.closed;
  timeline.recorded(state.recorded);
  model.events = state.events;
  model.transitions = state.transitions.map(dated);
  onTick(state);
  changed("events", "transitions");
}

function onEvent(event) {
  model.events = [...model.events.slice(1 - keptEvents), event];
  changed("events");
  if (event.transition) {
    model.transitions = [...model.transitions.slice(1 - keptSteps), dated(event.transition)];
    changed("transitions");
  }
}

function onLink(link) {
  const pill = get("connection");
  document.body.dataset.link = link;
  if (link === "live") {
    model.lostAt = null;
    set(pill, "Live");
    tone(pill, "good");
  } else if (link === "closed") {
    model.lostAt = null;
    set(pill, "Client closed");
    tone(pill, "bad");
  } else {
    model.lostAt ??= new Date().toISOString();
    set(pill, "Connection lost, trying again");
    tone(pill, "warn");
  }
  if (model.now) changed("now");
}

// headline describes what the strategy means for queries.
function headline(strategy, sides, lost) {
  const { state, phase, active, target } = strategy;
  const origin = target === "blue" ? "green" : "blue";
  const left = (side) => sides.find((s) => s.side === side)?.in_flight ?? 0;
  if (model.closed) return ["The client is closed", "It takes no more queries. What is shown is its last state."];
  if (state === "transitioning") {
    const head = "Moving from " + origin + " to " + target;
    if (phase === "preparing") return [head, title(target) + " is being made ready. New queries still go to " + origin + "."];
    if (phase === "shared") return [head, "Both sides take new queries, as the selector decides."];
    const n = left(origin);
    return [head, "New queries go to " + target + ". " + (n === 1 ? "1 query still runs" : n + " queries still run") + " on " + origin + "."];
  }
  if (state === "detecting") return ["Looking for a side", "No side is known to accept. Queries wait until one does."];
  if (state === "unknown") return ["No side is known", "The next query starts a search."];
  return [title(active) + " serves", lost > 0 ? "No change is under way. " + (lost === 1 ? "A query was" : count(lost) + " queries were") + " lost earlier." : "All new queries go to " + active + ". No change is under way."];
}

function showNow() {
  const { health } = model.now;
  const { strategy, queries: stats, sides } = health;
  const now = Date.now() + model.offset;
  const sample = model.samples.at(-1);
  document.body.dataset.state = strategy.state;
  document.body.dataset.phase = strategy.phase ?? "";
  document.title = (model.closed ? "closed" : strategy.phase || strategy.state) + " · e6 client";
  set(get("cluster"), [health.cluster, health.address].filter(Boolean).join(" · "));

  const [head, meaning] = headline(strategy, sides, stats.lost);
  set(get("headline"), head);
  set(get("meaning"), meaning);
  const verdict = get("verdict");
  verdict.dataset.side = strategy.state === "transitioning" ? strategy.target : strategy.active;
  verdict.dataset.state = model.closed ? "closed" : strategy.state;
  const ready = get("ready");
  if (model.closed) {
    set(ready, "Closed");
    tone(ready, "bad");
  } else if (model.lostAt) {
    set(ready, "As it was at " + clock(model.lostAt, false));
    tone(ready, "warn");
  } else {
    const settled = strategy.state === "blue" || strategy.state === "green";
    set(ready, health.ready ? (settled ? "Ready" : "Ready, cutover under way") : "Not ready: new queries wait");
    tone(ready, health.ready ? (settled ? "good" : "warn") : "bad");
  }
  const since = known(strategy.since) ? "For " + span(now - Date.parse(strategy.since)) + ", since " + clock(strategy.since, false) : "";
  const why = cause(strategy);
  set(get("since"), [since, why && "cause: " + why].filter(Boolean).join(" · "));

  set(get("last-change"), lastChange(model.transitions));

  set(get("rate"), sample ? rate(sample.blue.per_second + sample.green.per_second) : "–");
  set(get("in-flight"), count(sides.reduce((sum, s) => sum + s.in_flight, 0)));
  for (const name of ["retried", "replayed", "continued", "lost", "abandoned"]) set(get(name), count(stats[name]));
  const conns = stats.connections ?? [];
  set(get("connections"), count(conns.filter((c) => c.state === "ready").length) + " of " + count(conns.length) + " ready");
  get("connections").title = conns.map((c) => c.use + ": " + c.state + ", " + c.calls + " calls" + (c.limit ? " of " + c.limit : "")).join("\n");
  set(get("streams_waiting"), count(stats.streams_waiting));
  get("streams_waiting").dataset.tone = stats.streams_waiting > 0 ? "warn" : "";
  get("lost").dataset.tone = stats.lost > 0 ? "bad" : "";

  light(strategy, sides);
  for (const side of sides) showSide(side, strategy, stats, sample);
  showErrors(health.last_errors, model.events);
  charts.update({ samples: model.samples, transitions: model.transitions, now });
}

// lastChange describes the last change of sides in one line, if there was one.
function lastChange(transitions) {
  const change = changes(transitions).at(-1);
  if (!change) return "";
  const { from, to, begin, accepted, end } = change;
  const took = end ? ", settled after " + span(end.at - begin.at) : ", not settled yet";
  return "Last change: " + from + " to " + to + " at " + clock(accepted.time, false) + took + " · began with " + cause(begin);
}

function showSide(side, strategy, stats, sample) {
  const card = document.querySelector("article[data-side=" + CSS.escape(side.side) + "]");
  if (!card) return;
  const put = (name, text) => set(card.querySelector("[data-of=" + name + "]"), text);
  const role = card.querySelector("[data-of=role]");
  const watched = side.probation_ns ? ", on probation for " + span(side.probation_ns / 1e6) : "";
  const cooling = side.cool_down_ns ? ", cools down for " + span(side.cool_down_ns / 1e6) : "";
  set(role, roleOf(side.side, strategy, side.in_flight) + watched + cooling);
  const serving = serves(side.side, strategy);
  tone(role, side.cool_down_ns ? "warn" : serving ? "side" : "muted");
  card.classList.toggle("serving", serving);
  put("rate", sample ? rate(sample[side.side].per_second) : "–");
  put("in_flight", count(side.in_flight));
  put("latency", side.p50_ns ? latency(side.p50_ns) + ", " + latency(side.p99_ns) : "nothing known");
  put("errors", side.requests ? count(side.failures) + " of " + count(side.requests) + " (" + share(side.failures, side.requests) + ")" : "nothing known");
  card.querySelector("[data-of=errors]").dataset.tone = side.failures > 0 ? "bad" : "";
  const calls = stats.calls[side.side] ?? 0;
  const refused = stats.refused[side.side] ?? 0;
  put("refused", calls ? count(refused) + " of " + count(calls) + " calls" : "no calls");
  put("session", side.session ? "open, no. " + side.session : "none");
}

function show() {
  const what = model.changed;
  model.changed = new Set();
  if (model.now) showNow();
  if (what.has("transitions")) showTransitions(model.transitions);
  if (what.has("events")) table.update(model.events);
}

set(get("zone"), Intl.DateTimeFormat().resolvedOptions().timeZone || "your time zone");
connect({ state: onState, tick: onTick, event: onEvent, link: onLink });
