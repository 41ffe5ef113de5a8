// The page of the playground. The Go program calls the functions of e6playground, and sets
// e6playground.command: see internal/playground/wasm.

const byId = (id) => document.getElementById(id);
const clock = (time) => new Date(time).toLocaleTimeString([], { hour12: false });

// element returns an element with a text and attributes. Texts of the program are only set as text.
function element(name, text, attributes = {}) {
  const e = document.createElement(name);
  e.textContent = text;
  for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
  return e;
}

function setText(e, text) {
  if (e.textContent !== String(text)) e.textContent = text;
}

function took(ms) {
  return ms >= 1000 ? (ms / 1000).toFixed(1) + " s" : ms + " ms";
}

function capital(word) {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

// send sends a command to the program.
function send(name, side = "") {
  window.e6playground.command(name, side);
}

// drawSide fills the card of a side and connects its buttons.
function drawSide(name) {
  const card = byId(name);
  card.append(byId("side").content.cloneNode(true));
  card.querySelector("h2").id = "title-" + name;
  card.querySelector("[data-of=name]").textContent = capital(name);
  for (const button of card.querySelectorAll("button")) {
    button.addEventListener("click", () => {
      const { command, toggle } = button.dataset;
      const bad = button.dataset.bad === "true";
      send(command ?? { health: bad ? "healthy" : "unhealthy", open: bad ? "open" : "close" }[toggle], name);
    });
  }
  setText(card.querySelector("[data-command=announce]"), "Announce " + name);
  setText(card.querySelector("[data-command=cutover]"), "Cut over to " + name + " now");
  setToggles(card, { name, healthy: true, open: name === "blue" });
}

// setToggles sets the buttons that break a side or repair it.
function setToggles(card, side) {
  const [health, open] = [card.querySelector("[data-toggle=health]"), card.querySelector("[data-toggle=open]")];
  health.dataset.bad = !side.healthy;
  setText(health, `Make ${side.name} ${side.healthy ? "unhealthy" : "healthy"}`);
  open.dataset.bad = !side.open;
  setText(open, `${side.open ? "Close" : "Open"} ${side.name}`);
}

// roleOf is what a side does, and its tone.
function roleOf(side, strategy) {
  if (!side.healthy) return ["Unhealthy", "bad"];
  if (strategy.state === "transitioning" && strategy.target !== side.name && strategy.phase === "draining") return ["Drains", "warn"];
  if (side.serves) return ["Serves", "side"];
  if (side.announced) return ["Announced", "warn"];
  return side.open ? ["Open", "muted"] : ["Closed", "muted"];
}

function showSide(side, strategy) {
  const card = byId(side.name);
  const of = (name) => card.querySelector(`[data-of=${name}]`);
  const [role, tone] = roleOf(side, strategy);
  card.classList.toggle("serving", side.serves);
  setText(of("role"), role + (side.open || role === "Closed" ? "" : ", closed"));
  of("role").dataset.tone = tone;
  setText(of("rate"), side.per_second.toFixed(1));
  setText(of("running"), side.running);
  setText(of("latency"), side.p50_ms ? took(side.p50_ms) + ", " + took(side.p95_ms) : "–");
  setText(of("refused"), side.refused);
  setToggles(card, side);
}

// headline and meaning are the strategy in words.
function headline({ state, target, active }) {
  if (state === "transitioning") return "Moving from " + (target === "green" ? "blue to green" : "green to blue");
  if (state === "detecting") return "Detecting the active side";
  return state === "unknown" ? "No side is known" : capital(active) + " serves";
}

function meaning({ state, phase, target }, sides) {
  const origin = sides.find((s) => s.name !== target);
  if (state === "detecting") return "Both sides are probed. Queries wait.";
  if (state === "unknown") return "The next query starts a detection.";
  if (state !== "transitioning") return "All queries use " + state + ".";
  if (phase === "preparing") return `New queries use ${origin.name} until ${target} accepts.`;
  return `New queries use ${target}. In flight on ${origin.name}: ${origin.running}.`;
}

function showVerdict(s) {
  const verdict = byId("verdict");
  verdict.dataset.state = s.strategy.state;
  verdict.dataset.side = s.strategy.active;
  setText(byId("headline"), headline(s.strategy));
  setText(byId("meaning"), meaning(s.strategy, s.sides));
  for (const name of ["cutovers", "queries", "failed", "wrong", "retried", "replayed", "continued"]) setText(byId(name), s.totals[name]);
  for (const name of ["failed", "wrong"]) byId(name).dataset.tone = s.totals[name] > 0 ? "bad" : "";
  setText(byId("rate"), s.sides.reduce((sum, side) => sum + side.per_second, 0).toFixed(1));
  const last = s.changes[0];
  setText(byId("last-change"), last ? `Last change at ${clock(last.at)}: ${describeChange(last)}` : "");
}

function describeChange(c) {
  return `${c.from} → ${c.to} (${c.kind.replaceAll("_", " ")}), after ${took(c.took_ms)}, with ${c.in_flight} in flight. Cause: ${c.cause}`;
}

function sideMark(name) {
  return element("span", name === "none" ? "–" : name, { "data-of": "side", "data-side": name });
}

function queryLine(q, text, outcome) {
  const li = document.createElement("li");
  const name = element("span", q.tag);
  if (outcome) name.append(element("span", outcome, { class: "outcome", "data-outcome": outcome }));
  li.append(sideMark(q.side), name, element("span", text));
  return li;
}

function showQueries(s) {
  byId("running").replaceChildren(...s.running.map((q) => queryLine(q, (q.attempt > 1 ? `attempt ${q.attempt}, ` : "") + q.step + ", " + took(q.age_ms))));
  byId("ended").replaceChildren(...s.ended.map((q) => queryLine(q, `${q.rows} ${q.rows === 1 ? "row" : "rows"}, ${took(q.took_ms)}`, q.outcome)));
  byId("no-running").hidden = s.running.length > 0;
  byId("no-ended").hidden = s.ended.length > 0;
}

let newest = ""; // of the events that are shown, so that a reader's place stays

function showEvents(s) {
  const key = s.events.length ? s.events[0].seq + s.events[0].at : "";
  if (key === newest) return;
  newest = key;
  byId("events").replaceChildren(...s.events.map((e) => {
    const li = document.createElement("li");
    li.dataset.level = e.level;
    li.append(element("time", clock(e.at), { datetime: e.at }), element("b", e.kind.replaceAll("_", " ")), element("span", e.text));
    return li;
  }));
  byId("changes").replaceChildren(...s.changes.map((c) => {
    const li = document.createElement("li");
    li.append(element("time", clock(c.at), { datetime: c.at }), element("span", describeChange(c)));
    return li;
  }));
}

function showDemo(s) {
  const { playing, scene, scenes, caption } = s.demo;
  setText(byId("caption"), (playing ? `${scene} of ${scenes}. ` : "") + (caption || "Start the load, and then announce a side or cut over."));
  setText(byId("demo"), playing ? "Stop the demo" : "Play the demo");
  byId("demo").dataset.playing = playing;
  byId("load").dataset.on = s.load;
  setText(byId("load"), s.load ? "Stop the load" : "Start the load");
  const problem = s.problem || (s.failure && "Last failed query: " + s.failure);
  byId("problem").hidden = !problem;
  setText(byId("problem"), problem);
}

window.e6playground = {
  timelineWidth: byId("timeline").clientWidth,
  opened(machine) {
    drawMachine(byId("machine"), JSON.parse(machine));
    document.body.dataset.link = "live";
    setText(byId("link"), "Running");
    byId("link").dataset.tone = "good";
    for (const b of document.querySelectorAll("button")) b.disabled = false;
    if (location.hash !== "#manual") send("demo");
  },
  show(snapshot) {
    const s = JSON.parse(snapshot);
    this.last = s; // for a look in the console
    showVerdict(s);
    showDemo(s);
    lightMachine(byId("machine"), s.strategy, s.step, s.sides);
    for (const side of s.sides) showSide(side, s.strategy);
    showQueries(s);
    showEvents(s);
  },
  draw(timeline) {
    byId("timeline").innerHTML = timeline; // by html/template
  },
  failed(error) {
    document.body.dataset.link = "failed";
    setText(byId("link"), "Failed");
    byId("link").dataset.tone = "bad";
    setText(byId("caption"), "The playground cannot run here: " + error);
  },
};

// program unpacks the program.
async function program() {
  const packed = Uint8Array.from(atob(byId("program").textContent), (c) => c.charCodeAt(0));
  byId("program").remove();
  return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

async function start() {
  const go = new Go();
  const { instance } = await WebAssembly.instantiate(await program(), go.importObject);
  await go.run(instance);
  throw new Error("the program has ended; the console has its output");
}

drawSide("blue");
drawSide("green");
for (const b of document.querySelectorAll("button")) b.disabled = true;
byId("demo").addEventListener("click", () => send(byId("demo").dataset.playing === "true" ? "start" : "demo"));
byId("load").addEventListener("click", () => send(byId("load").dataset.on === "true" ? "stop" : "start"));
byId("reset").addEventListener("click", () => send("reset"));
new ResizeObserver(([entry]) => { window.e6playground.timelineWidth = Math.floor(entry.contentRect.width); }).observe(byId("timeline"));
start().catch((error) => window.e6playground.failed(error.message));
