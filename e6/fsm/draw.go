package fsm

import (
	"fmt"
	"slices"
	"strings"
)

// edge is an arrow of the diagram. Rows that differ by their side only are one edge.
type edge struct{ from, to, label string }

// box is the box of the node in the diagram. A phase has one box for both targets.
func (n node) box() string {
	if n.state == StateTransitioning {
		return n.phase.String()
	}
	return n.state.String()
}

// edges lists the edges in the order of the table. An event that is legal in every phase
// is one edge, from the frame around the phases.
func edges() []edge {
	var all []edge
	for _, r := range table() {
		label := r.event.String()
		if r.side != None {
			label += " " + r.side.String()
		}
		from, to := r.from.box(), r.to.box()
		if r.from.state == StateTransitioning && (r.event == EventDetect || r.event == EventReset || r.event == EventAbort) {
			from = StateTransitioning.String()
		}
		i := slices.IndexFunc(all, func(e edge) bool { return e.from == from && e.to == to })
		switch {
		case i < 0:
			all = append(all, edge{from, to, label})
		case !slices.Contains(strings.Split(all[i].label, ", "), label):
			all[i].label += ", " + label
		}
	}
	return all
}

var (
	phases       = []Phase{PhasePreparing, PhaseShared, PhaseDraining}
	stableStates = []State{StateUnknown, StateDetecting, StateBlue, StateGreen}
)

// isPhase reports whether a box is a phase of a transition.
func isPhase(box string) bool {
	return slices.ContainsFunc(phases, func(p Phase) bool { return p.String() == box })
}

// Mermaid returns the machine as a Mermaid state diagram, drawn from the table.
func Mermaid() string {
	var b strings.Builder
	b.WriteString("stateDiagram-v2\n    [*] --> unknown\n    state transitioning {\n")
	for _, e := range edges() {
		if isPhase(e.from) && isPhase(e.to) {
			fmt.Fprintf(&b, "        %s --> %s: %s\n", e.from, e.to, e.label)
		}
	}
	b.WriteString("    }\n")
	for _, e := range edges() {
		if !isPhase(e.from) || !isPhase(e.to) {
			fmt.Fprintf(&b, "    %s --> %s: %s\n", e.from, e.to, e.label)
		}
	}
	return b.String()
}

// Graphviz returns the machine in the DOT language of Graphviz, drawn from the table.
func Graphviz() string {
	var b strings.Builder
	b.WriteString("digraph strategy {\n    compound=true;\n    node [shape=box, style=rounded];\n")
	for _, p := range stableStates {
		fmt.Fprintf(&b, "    %s;\n", p)
	}
	fmt.Fprintf(&b, "    subgraph cluster_%[1]s {\n        label=%[1]s;\n", StateTransitioning)
	for _, p := range phases {
		fmt.Fprintf(&b, "        %s;\n", p)
	}
	b.WriteString("    }\n")
	for _, e := range edges() {
		from, attributes := e.from, fmt.Sprintf("label=%q", e.label)
		if from == StateTransitioning.String() {
			// DOT has no edge from a cluster: the edge starts at a node and is clipped at the frame.
			from = PhaseShared.String()
			attributes += ", ltail=cluster_" + StateTransitioning.String()
		}
		fmt.Fprintf(&b, "    %s -> %s [%s];\n", from, e.to, attributes)
	}
	b.WriteString("}\n")
	return b.String()
}
