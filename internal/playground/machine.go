package playground

import (
	"regexp"
	"slices"
	"strings"

	"github.com/e6data/e6data-go/e6/fsm"
)

// Edge is the steps of the strategy machine from one state to another.
type Edge struct {
	From   string   `json:"from"`
	To     string   `json:"to"`
	Events []string `json:"events"`
}

// edgeLine is an edge in the machine's own drawing, such as "blue --> preparing: announce green".
var edgeLine = regexp.MustCompile(`^\s*(\w+) --> (\w+): (.+)$`)

// Machine returns the edges between the five states of the strategy machine. They come from
// the drawing of its table. Steps within a transition, from phase to phase, are left out.
func Machine() (edges []Edge) {
	for line := range strings.Lines(fsm.Mermaid()) {
		m := edgeLine.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		from, to := stateOf(m[1]), stateOf(m[2])
		if from == to {
			continue
		}
		i := slices.IndexFunc(edges, func(e Edge) bool { return e.From == from && e.To == to })
		if i < 0 {
			i = len(edges)
			edges = append(edges, Edge{From: from, To: to})
		}
		for label := range strings.SplitSeq(m[3], ", ") {
			event, _, _ := strings.Cut(label, " ")
			if !slices.Contains(edges[i].Events, event) {
				edges[i].Events = append(edges[i].Events, event)
			}
		}
	}
	return edges
}

// stateOf is the state of a node of the drawing, which has the phases as nodes.
func stateOf(node string) string {
	switch node {
	case fsm.PhasePreparing.String(), fsm.PhaseShared.String(), fsm.PhaseDraining.String():
		return fsm.StateTransitioning.String()
	}
	return node
}
