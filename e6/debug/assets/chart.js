// The charts: lines by side, marks where the machine took a step, and a strip of
// the serving side. Blue is drawn solid and green dashed, so that colours are not
// needed.

import { clock, latency, rate } from "./format.js";

const svgNS = "http://www.w3.org/2000/svg";
const left = 52;
const right = 8;
const gap = 5000; // samples further apart than this are not joined

function make(name, attributes, text) {
  const e = document.createElementNS(svgNS, name);
  for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
  if (text !== undefined) e.textContent = text;
  return e;
}

// nice is the next round number whose half is round too.
function nice(n) {
  const unit = 10 ** Math.floor(Math.log10(n));
  return unit * [1, 2, 3, 4, 6, 8, 10].find((f) => f * unit >= n * 0.999);
}

// path joins the points; null leaves a gap.
function path(points) {
  let d = "";
  let before = null;
  for (const p of points) {
    if (p) d += (before ? "L" : "M") + p[0].toFixed(1) + " " + p[1].toFixed(1);
    before = p;
  }
  return d;
}

// Charts are the three pictures over one axis of time.
export class Charts {
  constructor() {
    this.view = { samples: [], transitions: [], now: Date.now() };
    this.minutes = 3;
    this.pointed = null;
    this.svgs = ["rate", "latency", "state"].map((n) => document.getElementById("chart-" + n));
    this.output = document.getElementById("pointed");
    for (const input of document.querySelectorAll("input[name=range]")) {
      input.addEventListener("change", () => { this.minutes = Number(input.value); this.draw(); });
    }
    for (const svg of this.svgs) {
      svg.addEventListener("pointermove", (e) => { this.pointed = e.clientX - svg.getBoundingClientRect().left; this.draw(); });
      svg.addEventListener("pointerleave", () => { this.pointed = null; this.draw(); });
    }
    new ResizeObserver(() => this.draw()).observe(this.svgs[0]);
  }

  update(view) {
    this.view = view;
    this.draw();
  }

  draw() {
    const width = this.svgs[0].clientWidth;
    if (width === 0) return;
    const { now } = this.view;
    const range = this.minutes * 60000;
    const from = now - range;
    const samples = this.view.samples.filter((s) => s.at >= from - 2000);
    const x = (at) => left + ((at - from) / range) * (width - left - right);
    const axis = { width, range, from, now, x, samples };
    const marks = this.view.transitions.filter((t) => t.at >= from);
    const at = this.pointed === null ? null : from + ((this.pointed - left) / (width - left - right)) * range;
    const near = at === null ? null : samples.reduce((a, b) => (a && Math.abs(a.at - at) <= Math.abs(b.at - at) ? a : b), null);

    this.lines(this.svgs[0], axis, marks, near, (s) => [[s.per_second]], rate, 1);
    this.lines(this.svgs[1], axis, marks, near, (s) => [[s.p50_ns || null, s.p99_ns || null]], latency, 1e6);
    this.strip(this.svgs[2], axis, near);
    this.describe(near);
  }

  // lines draws a band or a line for each side. values gives for a side's sample
  // a list of one group: one value for a line, two for a band.
  lines(svg, axis, marks, near, values, format, least) {
    const height = svg.clientHeight;
    const bottom = height - 18;
    let most = least;
    for (const s of axis.samples) {
      for (const side of ["blue", "green"]) {
        for (const v of values(s[side])[0]) most = Math.max(most, v ?? 0);
      }
    }
    const top = nice(most * 1.05);
    const y = (v) => bottom - (v / top) * (bottom - 10);
    const parts = [];
    for (const v of [0, top / 2, top]) {
      parts.push(make("line", { x1: left, x2: axis.width - right, y1: y(v), y2: y(v), class: v === 0 ? "base" : "grid" }));
      parts.push(make("text", { x: left - 8, y: y(v) + 4, class: "tick end" }, v === 0 ? "0" : format(v)));
    }
    this.times(parts, axis, height);
    for (const m of marks) {
      const line = make("line", { x1: axis.x(m.at), x2: axis.x(m.at), y1: 4, y2: bottom, class: "mark" });
      line.append(make("title", {}, clock(m.time, true) + " " + m.trigger + ": " + m.from + " → " + m.to));
      parts.push(line);
    }
    for (const side of ["blue", "green"]) {
      const count = axis.samples.length ? values(axis.samples[0][side])[0].length : 0;
      const joined = (i) => axis.samples.map((s, n) => {
        const v = values(s[side])[0][i];
        if (v === null || (n > 0 && s.at - axis.samples[n - 1].at > gap)) return null;
        return [axis.x(s.at), y(v)];
      });
      const edges = Array.from({ length: count }, (_, i) => joined(i));
      if (count === 2) parts.push(...this.band(edges, side));
      edges.forEach((points, i) => {
        const idle = count === 1 && axis.samples.every((s) => values(s[side])[0][0] === 0);
        if (!idle) parts.push(make("path", { d: path(points), class: "line " + side + (i === 0 && count === 2 ? " thin" : "") }));
      });
    }
    if (near) parts.push(make("line", { x1: axis.x(near.at), x2: axis.x(near.at), y1: 4, y2: bottom, class: "cursor" }));
    svg.replaceChildren(...parts);
  }

  // band fills what is between the median and the 99th percentile.
  band([low, high], side) {
    const bands = [];
    let run = [];
    const end = () => {
      if (run.length > 1) {
        const back = run.map((i) => low[i]).reverse();
        bands.push(make("path", { d: path([...run.map((i) => high[i]), ...back]) + "Z", class: "band " + side }));
      }
      run = [];
    };
    low.forEach((p, i) => (p && high[i] ? run.push(i) : end()));
    end();
    return bands;
  }

  times(parts, axis, height) {
    const steps = axis.width < 480 ? 2 : 4;
    for (let i = 0; i <= steps; i++) {
      const at = axis.from + (axis.range * i) / steps;
      const anchor = i === 0 ? "start" : i === steps ? "end" : "middle";
      parts.push(make("text", { x: axis.x(at), y: height - 3, class: "tick " + anchor }, clock(at, false)));
    }
  }

  // strip shows which side served when; hatching is a transition.
  strip(svg, axis, near) {
    const height = svg.clientHeight;
    const parts = [];
    let run = null;
    const end = (to) => {
      if (!run) return;
      const x = Math.max(axis.x(run.from), left);
      const width = Math.max(axis.x(to) - x, 1);
      const [state, active] = run.key.split(" ");
      parts.push(make("rect", { x, y: 1, width, height: height - 2, class: "serving " + active + (state === "transitioning" ? " moving" : "") }));
      const text = state === "transitioning" ? "moving" : state;
      if (width > text.length * 8 + 12) parts.push(make("text", { x: x + width / 2, y: height / 2 + 4.5, class: "tick middle on-strip" }, text));
      run = null;
    };
    axis.samples.forEach((s, i) => {
      const key = s.state + " " + s.active;
      const begin = i > 0 && s.at - axis.samples[i - 1].at <= gap ? axis.samples[i - 1].at : s.at - 1000;
      if (run && (run.key !== key || begin !== run.to)) end(run.to);
      run = run ? { ...run, to: s.at } : { key, from: begin, to: s.at };
    });
    if (run) end(run.to);
    if (near) parts.push(make("line", { x1: axis.x(near.at), x2: axis.x(near.at), y1: 0, y2: height, class: "cursor" }));
    svg.replaceChildren(...parts);
  }

  // describe writes the values of the sample under the pointer.
  describe(s) {
    if (!s) {
      this.output.textContent = "";
      return;
    }
    const sides = ["blue", "green"].filter((side) => s[side].per_second > 0 || s[side].p50_ns > 0 || s.active === side);
    this.output.textContent = clock(s.time, false) + " · " + (s.phase || s.state) + sides.map((side) =>
      " · " + side + " " + rate(s[side].per_second) + "/s, " + latency(s[side].p50_ns) + " to " + latency(s[side].p99_ns)).join("");
  }
}
