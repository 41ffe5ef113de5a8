// The tables: the steps of the machine, the last errors, and the events with
// their filter. Text from outside is only ever set as text, never as markup.

import { clock, iso } from "./format.js";

const shown = 300; // rows of the table of events

function cell(label, text, className) {
  const td = document.createElement("td");
  td.setAttribute("role", "cell");
  td.dataset.label = label;
  if (className) td.className = className;
  td.textContent = text;
  return td;
}

function timeCell(at) {
  const td = cell("Time", "", "time");
  const time = document.createElement("time");
  time.dateTime = at;
  time.title = iso(at);
  time.textContent = clock(at, true);
  td.append(time);
  return td;
}

function row(level, cells) {
  const tr = document.createElement("tr");
  tr.setAttribute("role", "row");
  tr.dataset.level = level;
  tr.append(...cells);
  return tr;
}

// cause describes the cause.
export function cause(of) {
  const reason = (of.reason || "").replaceAll("_", " ");
  return of.detail ? reason + ": " + of.detail : reason;
}

// place shows a state, and for a transition its phase and the two sides.
function place(label, text) {
  const td = cell(label, "", "place " + label.toLowerCase());
  const state = document.createElement("span");
  const moving = /^transitioning (\w+)->(\w+) \((\w+)\)$/.exec(text);
  state.textContent = moving ? moving[3] : text;
  if (text === "blue" || text === "green") state.dataset.side = text;
  td.append(state);
  if (moving) {
    const sides = document.createElement("small");
    sides.textContent = moving[1] + " → " + moving[2];
    td.append(" ", sides);
  }
  return td;
}

// begins reports whether a step is the first of a group: of a transition from
// side to side, or of a detection without a step before it.
function begins(t) {
  return ["announce", "rollback"].includes(t.trigger) || (t.trigger === "detect" && !t.from.startsWith("transitioning"));
}

// changes lists the changes of the serving side, the oldest first.
export function changes(transitions) {
  const all = [];
  let served = "none";
  let begin = null;
  for (const t of transitions) {
    if (begins(t)) begin = t;
    if (t.active !== "none" && t.active !== served) {
      if (served !== "none") all.push({ from: served, to: t.active, begin: begin ?? t, accepted: t, end: null });
      served = t.active;
    }
    const last = all.at(-1);
    if (last && !last.end && ["commit", "abort", "settle"].includes(t.trigger)) last.end = t;
  }
  return all;
}

// showTransitions fills the timeline, the newest step first.
export function showTransitions(transitions) {
  const rows = transitions.toReversed().map((t, i, all) => {
    const tr = row(t.level, [
      timeCell(t.time), place("From", t.from), place("To", t.to), cell("Event", t.trigger, "trigger"),
      cell("Cause", cause(t), "wrap"), cell("In flight", String(t.in_flight), "num"),
    ]);
    tr.dataset.seq = t.seq;
    tr.classList.toggle("first", i > 0 && begins(all[i - 1]));
    return tr;
  });
  document.getElementById("transitions").replaceChildren(...rows);
  document.getElementById("no-transitions").hidden = rows.length > 0;
  const n = changes(transitions).length;
  document.getElementById("timeline-count").textContent = n === 1 ? "1 change of sides" : (n || "no") + " changes of sides";
}

function errorItem(e) {
  const li = document.createElement("li");
  const time = document.createElement("time");
  time.dateTime = e.at;
  time.title = iso(e.at);
  time.textContent = clock(e.at, true);
  const what = document.createElement("span");
  what.textContent = e.what;
  if (e.loud) li.dataset.level = "ERROR";
  li.append(time, what);
  return li;
}

const unfolded = 3; // errors that are in sight
let rendered = "";

// showErrors fills the list of the last errors, the newest first, but what is an
// error in the log comes before what is a warning. Most of them are folded away,
// so that what follows stays in sight.
export function showErrors(errors, events) {
  const loud = new Set(events.filter((e) => e.level === "ERROR").map((e) => e.text));
  const all = errors.map((e) => ({ ...e, loud: loud.has(e.what) })).toSorted((a, b) => b.loud - a.loud);
  const now = JSON.stringify(all);
  if (now === rendered) return; // so that a text can be marked while seconds pass
  rendered = now;
  document.getElementById("errors").replaceChildren(...all.slice(0, unfolded).map(errorItem));
  document.getElementById("more-errors").replaceChildren(...all.slice(unfolded).map(errorItem));
  document.getElementById("more").hidden = all.length <= unfolded;
  document.querySelector("#more summary").textContent = all.length - unfolded + " more";
  document.getElementById("errors-card").hidden = all.length === 0;
}

// EventTable is the table of events with its filter.
export class EventTable {
  constructor() {
    this.events = [];
    this.text = document.getElementById("filter-text");
    this.kind = document.getElementById("filter-kind");
    this.hold = document.getElementById("hold");
    this.held = null; // what is shown while the table is held
    this.text.addEventListener("input", () => this.show());
    this.kind.addEventListener("change", () => this.show());
    this.hold.addEventListener("click", () => {
      this.held = this.held ? null : this.events;
      this.hold.setAttribute("aria-pressed", String(this.held !== null));
      this.hold.textContent = this.held ? "Resume" : "Pause";
      this.show();
    });
    document.getElementById("filter").addEventListener("submit", (e) => e.preventDefault());
  }

  update(events) {
    this.events = events;
    for (const kind of new Set(events.map((e) => e.kind))) {
      if ([...this.kind.options].some((o) => o.value === kind)) continue;
      const option = document.createElement("option");
      option.value = kind;
      option.textContent = kind.replaceAll("_", " ");
      this.kind.append(option);
    }
    if (!this.held) this.show();
  }

  show() {
    const from = this.held ?? this.events;
    const words = this.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const kind = this.kind.value;
    const matching = from.filter((e) => {
      if (kind && e.kind !== kind) return false;
      const all = [e.kind, e.text, e.reason, e.detail, e.trace_id].join(" ").toLowerCase();
      return words.every((w) => all.includes(w));
    });
    const rows = matching.slice(-shown).toReversed().map((e) => row(e.level, [
      timeCell(e.time), this.kindCell(e), cell("What happened", e.text, "wrap"), cell("Cause", cause(e), "wrap"),
    ]));
    document.getElementById("events").replaceChildren(...rows);
    document.getElementById("no-events").hidden = rows.length > 0;
    let count = matching.length === from.length ? from.length + " events" : matching.length + " of " + from.length + " events";
    if (rows.length < matching.length) count += ", the last " + rows.length + " shown";
    if (this.held) count += ", paused at " + clock(from.at(-1)?.time ?? "", false);
    const said = document.getElementById("events-count");
    if (said.textContent !== count) said.textContent = count;
  }

  kindCell(e) {
    const td = cell("Kind", "", "kind");
    const span = document.createElement("span");
    span.textContent = e.kind.replaceAll("_", " ");
    td.append(span);
    if (e.level === "WARN" || e.level === "ERROR") {
      const level = document.createElement("b");
      level.textContent = e.level === "ERROR" ? "error" : "warning";
      td.append(" ", level);
    }
    return td;
  }
}
