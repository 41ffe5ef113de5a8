// The diagram of the machine: its state and phase, and the role of each side.

const sides = ["blue", "green"];

// roleOf names the role of a side for new and running queries.
export function roleOf(side, strategy, inFlight) {
  const { state, phase, active, target } = strategy;
  if (state === "transitioning") {
    const isTarget = side === target;
    if (phase === "preparing") return isTarget ? "getting ready" : "serves";
    if (phase === "shared") return "shares";
    return isTarget ? "serves" : "drains";
  }
  if (state === side) return "serves";
  if (state === "detecting") return "is asked";
  return inFlight > 0 ? "finishes" : "idle";
}

export function serves(side, strategy) {
  return strategy.active === side || strategy.phase === "shared";
}

// light highlights the strategy in the diagram.
export function light(strategy, sideReports) {
  const svg = document.getElementById("machine");
  for (const g of svg.querySelectorAll(".state")) {
    g.classList.toggle("lit", g.id === "state-" + strategy.state);
  }
  for (const g of svg.querySelectorAll(".phase")) {
    g.classList.toggle("lit", g.id === "phase-" + (strategy.phase || ""));
  }
  for (const report of sideReports) {
    const side = report.side;
    if (!sides.includes(side)) continue;
    const box = document.getElementById("state-" + side);
    box.classList.toggle("serving", serves(side, strategy));
    document.getElementById("role-" + side).textContent = roleOf(side, strategy, report.in_flight);
    document.getElementById("load-" + side).textContent = report.in_flight > 0 ? report.in_flight + " in flight" : "";
  }
  const origin = { blue: "green", green: "blue" }[strategy.target];
  for (const edge of svg.querySelectorAll("[data-event]")) {
    const { from, to } = edge.dataset;
    edge.classList.toggle("lit", Boolean(strategy.target) && (from === origin || (edge.dataset.event === "commit" && to === strategy.target)));
  }
  svg.setAttribute("aria-label", "The strategy machine is in state " + strategy.state + (strategy.phase ? ", phase " + strategy.phase : ""));
}
