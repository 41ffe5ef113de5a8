// The timeline of the flight recording: a drawing of a window, which the server makes, and a
// scrubber that moves the window over the recorded history.

import { clock, span as length } from "./format.js";

const svgNS = "http://www.w3.org/2000/svg";
const get = (id) => document.getElementById(id);
const hover = matchMedia("(hover: hover)");

// Only these elements and attributes of a drawing are shown.
const elements = new Set(["svg", "title", "desc", "g", "rect", "path", "text"]);
const attributes = new Set(["class", "width", "height", "viewBox", "role", "aria-label", "x", "y", "rx", "d"]);

// copy makes the elements of a drawing anew, so that nothing else of the document gets here.
function copy(from) {
  const to = document.createElementNS(svgNS, from.localName);
  for (const a of from.attributes) if (attributes.has(a.name)) to.setAttribute(a.name, a.value);
  for (const child of from.childNodes) {
    if (child.nodeType === Node.TEXT_NODE) to.append(child.data);
    else if (elements.has(child.localName)) to.append(copy(child));
  }
  return to;
}

// request gets a resource, as "json" or as "document". The error of a refusal has its text.
function request(address, type) {
  return new Promise((done, failed) => {
    const r = new XMLHttpRequest();
    r.open("GET", address);
    r.timeout = 20000;
    r.responseType = type;
    if (type === "document") r.overrideMimeType("image/svg+xml");
    r.onload = () => r.status === 200 && r.response ? done(r.response) : failed(new Error("status " + r.status));
    r.onerror = () => failed(new Error("no response"));
    r.ontimeout = () => failed(new Error("no response within 20 s"));
    r.send();
  });
}

// Timeline is the section of the page.
export class Timeline {
  constructor() {
    this.at = null; // the time shown in milliseconds, and null for the end of the recording
    this.moment = null; // what the server said last
    this.busy = false;
    this.again = false; // something has changed while a request was in flight
    this.drawing = get("drawing");
    this.scrubber = get("scrubber");
    this.width = 0;
    this.scrubber.addEventListener("input", () => this.scrub());
    get("previous-change").addEventListener("click", () => this.jump(this.moment?.previous));
    get("next-change").addEventListener("click", () => this.jump(this.moment?.next));
    get("follow").addEventListener("click", () => this.show(null));
    for (const input of document.querySelectorAll("input[name=span]")) input.addEventListener("change", () => this.refresh());
    new ResizeObserver(() => { if (this.measure() !== this.width) this.refresh(); }).observe(this.drawing);
  }

  // recorded shows the section, or how to turn the recorder on.
  recorded(yes) {
    get("recording").hidden = get("span-choice").hidden = !yes;
    get("no-recording").hidden = yes;
    this.on = yes;
    this.refresh();
  }

  // tick follows the recording, unless its end is not in view, or the pointer is on it, to read the text of a mark.
  tick() {
    const reads = hover.matches && this.drawing.matches(":hover");
    if (this.at === null && !document.hidden && !reads) this.refresh();
  }

  measure() { return Math.floor(this.drawing.clientWidth / 4) * 4; }

  scrub() {
    const { value, max, step } = this.scrubber;
    this.show(Number(value) + Number(step) > Number(max) ? null : Number(value));
  }

  jump(change) { if (change) this.show(Date.parse(change.at)); }

  show(at) {
    this.at = at;
    this.refresh();
  }

  // parameters select the window.
  parameters() {
    const p = new URLSearchParams({ span: document.querySelector("input[name=span]:checked").value });
    const at = this.at === null ? new Date() : new Date(this.at);
    if (this.at !== null) p.set("at", at.toISOString());
    p.set("offset", String(-at.getTimezoneOffset()));
    return p;
  }

  // refresh requests what is to be shown. One request is in flight at a time, so that a slow
  // server sees no more of them.
  async refresh() {
    this.again = true;
    if (this.busy || !this.on) return;
    this.busy = true;
    while (this.again) {
      this.again = false;
      await this.load();
    }
    this.busy = false;
  }

  async load() {
    this.width = this.measure();
    if (this.width === 0) return;
    const p = this.parameters();
    for (const form of ["html", "json", "txt"]) get("report-" + form).href = "report." + form + "?" + p;
    try {
      const moment = request("moment.json?" + p, "json");
      p.set("width", String(Math.max(this.width, 280)));
      const svg = request("timeline.svg?" + p, "document");
      const [now, picture] = await Promise.all([moment, svg]);
      this.moment = now;
      this.drawing.replaceChildren(copy(picture.documentElement));
      this.showMoment();
    } catch (e) {
      get("moment-state").textContent = "The timeline cannot be shown: " + e.message;
      get("moment-state").dataset.tone = "bad";
    }
  }

  showMoment() {
    const { first, now, from, to, at, live, state, previous, next } = this.moment;
    const [begin, end] = [Date.parse(first), Date.parse(now)];
    const what = state ? state.title : "the client was not open";
    get("moment-time").textContent = live ? "Now" : clock(at, true);
    get("moment-time").dateTime = at;
    get("moment-state").textContent = what;
    get("moment-state").dataset.tone = "";
    get("moment-window").textContent = "Shown: " + clock(from, false) + " to " + clock(to, false) + ", " + length(Date.parse(to) - Date.parse(from)) +
      " of " + length(end - begin) + " recorded since " + new Date(first).toLocaleDateString() + " " + clock(first, false);
    get("previous-change").disabled = !previous;
    get("next-change").disabled = !next;
    get("previous-change").title = previous ? clock(previous.at, true) + " " + previous.text : "";
    get("next-change").title = next ? clock(next.at, true) + " " + next.text : "";
    get("follow").setAttribute("aria-pressed", String(live && this.at === null));
    const s = this.scrubber;
    s.min = String(begin);
    s.max = String(end);
    s.step = String(Math.max(1, Math.round((Date.parse(to) - Date.parse(from)) / 60)));
    if (this.at === null || !s.matches(":active")) s.value = String(this.at ?? end);
    s.setAttribute("aria-valuetext", (live ? "now" : clock(at, false)) + ", " + (state ? state.label : "not open"));
  }
}
