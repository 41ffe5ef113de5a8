// The picture of the strategy machine. Its edges come from the table of the machine; the
// places of the five states are here.

const svgNS = "http://www.w3.org/2000/svg";

const places = {
  unknown: { x: 12, y: 18, width: 116, height: 40 },
  detecting: { x: 172, y: 18, width: 96, height: 40 },
  blue: { x: 8, y: 178, width: 84, height: 80, side: "blue" },
  transitioning: { x: 162, y: 128, width: 116, height: 180 },
  green: { x: 348, y: 178, width: 84, height: 80, side: "green" },
};

function svgElement(name, attributes, text) {
  const e = document.createElementNS(svgNS, name);
  for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
  if (text !== undefined) e.textContent = text;
  return e;
}

function centre(box) {
  return [box.x + box.width / 2, box.y + box.height / 2];
}

// border is the point where a line from within a box in a direction leaves the box.
function border(box, [x, y], [dx, dy]) {
  const across = dx === 0 ? Infinity : ((dx > 0 ? box.x + box.width : box.x) - x) / dx;
  const down = dy === 0 ? Infinity : ((dy > 0 ? box.y + box.height : box.y) - y) / dy;
  const t = Math.min(across, down);
  return [x + t * dx, y + t * dy];
}

// drawEdge draws the steps from one state to another: a line beside the line of the way back.
function drawEdge(edge) {
  const [from, to] = [places[edge.from], places[edge.to]];
  const [a, b] = [centre(from), centre(to)];
  const length = Math.hypot(b[0] - a[0], b[1] - a[1]);
  const [dx, dy] = [(b[0] - a[0]) / length, (b[1] - a[1]) / length];
  const aside = 11;
  const beside = ([x, y]) => [x - dy * aside, y + dx * aside];
  const start = border(from, beside(a), [dx, dy]);
  const end = border(to, beside(b), [-dx, -dy]);
  const g = svgElement("g", { "data-from": edge.from, "data-to": edge.to });
  g.append(svgElement("path", { d: `M${start.join(" ")}L${end.join(" ")}` }));
  // The label is on the outer side of its line. The lines between detecting and a side have
  // little room between them and the box in the middle, except near the side.
  const flat = Math.abs(dx) > 0.9;
  const inner = !flat && dx > 0;
  const at = inner ? (dy < 0 ? 0.2 : 0.8) : 0.5;
  const [x, y] = [start[0] + (end[0] - start[0]) * at - dy * 7, start[1] + (end[1] - start[1]) * at + dx * 7];
  const anchor = flat ? "middle" : -dy > 0 ? "start" : "end";
  const events = edge.events.filter((e) => e !== "reset");
  events.forEach((text, i) => {
    const line = dx > 0 ? 8 + 12 * i : -2 - 12 * (events.length - 1 - i);
    g.append(svgElement("text", { x, y: y + (flat ? line : 4), style: `text-anchor: ${anchor}` }, text));
  });
  return g;
}

function drawState(name, box) {
  const g = svgElement("g", { id: "state-" + name, class: box.side ? "state side" : "state" });
  if (box.side) g.dataset.side = box.side;
  const x = box.x + box.width / 2;
  g.append(svgElement("rect", { x: box.x, y: box.y, width: box.width, height: box.height, rx: box.side ? 14 : 10 }));
  const y = name === "transitioning" ? box.y + 25 : box.y + box.height / 2 + 5;
  g.append(svgElement("text", { x, y, class: box.side ? "name" : "" }, name));
  if (name === "transitioning") {
    ["preparing", "shared", "draining"].forEach((phase, i) => {
      const p = svgElement("g", { id: "phase-" + phase, class: "phase" });
      p.append(svgElement("rect", { x: x - 52, y: box.y + 42 + 46 * i, width: 104, height: 30, rx: 15 }));
      p.append(svgElement("text", { x, y: box.y + 62 + 46 * i }, phase));
      g.append(p);
    });
  }
  const now = svgElement("g", { class: "now" });
  now.append(svgElement("rect", { x: x - 18, y: box.y - 9, width: 36, height: 17, rx: 8.5 }), svgElement("text", { x, y: box.y + 3.5 }, "now"));
  g.append(now);
  return g;
}

// drawMachine draws the machine. A reset leads from every state to unknown; these lines would
// hide the others.
function drawMachine(svg, edges) {
  const tip = svgElement("marker", { id: "tip", viewBox: "0 0 8 8", refX: 7, refY: 4, markerUnits: "userSpaceOnUse", markerWidth: 9, markerHeight: 9, orient: "auto" });
  tip.append(svgElement("path", { d: "M0 0.5L8 4L0 7.5Z" }));
  const defs = svgElement("defs", {});
  defs.append(tip);
  const lines = svgElement("g", { class: "edges" });
  lines.append(...edges.filter((e) => e.events.join() !== "reset").map(drawEdge));
  svg.replaceChildren(defs, lines, ...Object.entries(places).map(([name, box]) => drawState(name, box)),
    svgElement("text", { x: 220, y: 336, class: "foot" }, "reset leads from every state to unknown"));
}

// lightMachine highlights the state, the phase and the last step.
function lightMachine(svg, strategy, step, sides) {
  for (const g of svg.querySelectorAll(".state")) g.classList.toggle("lit", g.id === "state-" + strategy.state);
  for (const g of svg.querySelectorAll(".phase")) g.classList.toggle("lit", g.id === "phase-" + (strategy.phase || ""));
  for (const side of sides) document.getElementById("state-" + side.name).classList.toggle("serving", side.serves);
  for (const g of svg.querySelectorAll("[data-from]")) {
    g.querySelector("path").classList.toggle("lit", g.dataset.from === step.from && g.dataset.to === step.to);
  }
  svg.setAttribute("aria-label", "The strategy machine is in state " + strategy.state + (strategy.phase ? ", phase " + strategy.phase : ""));
}
