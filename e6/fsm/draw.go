package fsm

import (
	"fmt"
	"slices"
	"strings"
)

// edge is an arrow of the picture: the rows of the table that differ by their
// side only are one arrow between the same two places.
type edge struct{ from, to, label string }

// place is a node without its target: the picture has one box for each phase.
func (n node) place() string {
	if n.state == StateTransitioning {
		return n.phase.String()
	}
	return n.state.String()
}

// edges lists the arrows in the order of the table. Rows that every phase has
// are drawn once, from the transition as a whole.
func edges() []edge {
	var all []edge
	for _, r := range table() {
		label := r.event.String()
		if r.side != None {
			label += " " + r.side.String()
		}
		from, to := r.from.place(), r.to.place()
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
	phases = []Phase{PhasePreparing, PhaseShared, PhaseDraining}
	places = []State{StateUnknown, StateDetecting, StateBlue, StateGreen}
)

// isPhase reports whether a place is a phase of a transition.
func isPhase(place string) bool {
	return slices.ContainsFunc(phases, func(p Phase) bool { return p.String() == place })
}

// Mermaid draws the machine, from its own table, as a Mermaid state diagram.
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

// Graphviz draws the machine, from its own table, in the DOT language.
func Graphviz() string {
	var b strings.Builder
	b.WriteString("digraph strategy {\n    compound=true;\n    node [shape=box, style=rounded];\n")
	for _, p := range places {
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
			// An edge from a cluster leaves one of its nodes and is cut at the frame.
			from = PhaseShared.String()
			attributes += ", ltail=cluster_" + StateTransitioning.String()
		}
		fmt.Fprintf(&b, "    %s -> %s [%s];\n", from, e.to, attributes)
	}
	b.WriteString("}\n")
	return b.String()
}
