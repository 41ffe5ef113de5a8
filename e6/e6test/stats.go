package e6test

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/e6data/e6data-go/e6/fsm"
)

// Stats counts what a cluster has received.
type Stats struct {
	// Calls counts the calls by method, and CallsBySide by side and method. The
	// refused ones are among them.
	Calls       map[string]int
	CallsBySide map[fsm.Side]map[string]int
	// CallsBySession counts the calls that an engine took, by session id.
	CallsBySession map[string]int
	// Refused456 and Suspended503 count the refusals.
	Refused456, Suspended503 int
	// InFlight is the number of calls that the engines are busy with.
	InFlight map[fsm.Side]int
	// Executions counts the executions by the text of the statement.
	Executions map[string]int
	// Violations lists what a client did that a client of this project must not do, such as
	// sending a query's call to the other side. A call without a strategy header is one, listed
	// once for each method and side: the active side serves it, as other clients need it, but
	// the calls of its query would follow a cutover.
	Violations []string
}

// Stats returns the counts until now.
func (c *Cluster) Stats() Stats {
	n := &c.counts
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.Stats
	s.Calls = maps.Clone(s.Calls)
	s.CallsBySession = maps.Clone(s.CallsBySession)
	s.InFlight = maps.Clone(s.InFlight)
	s.Executions = maps.Clone(s.Executions)
	s.Violations = append([]string(nil), s.Violations...)
	s.CallsBySide = make(map[fsm.Side]map[string]int)
	for side, calls := range n.CallsBySide {
		s.CallsBySide[side] = maps.Clone(calls)
	}
	return s
}

// counts is a Stats that is being counted.
type counts struct {
	mu sync.Mutex
	Stats
}

func (n *counts) init() {
	n.Calls, n.CallsBySession, n.Executions = map[string]int{}, map[string]int{}, map[string]int{}
	n.CallsBySide, n.InFlight = map[fsm.Side]map[string]int{}, map[fsm.Side]int{}
}

func (n *counts) call(method string, side fsm.Side) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.Calls[method]++
	if n.CallsBySide[side] == nil {
		n.CallsBySide[side] = map[string]int{}
	}
	n.CallsBySide[side][method]++
}

func (n *counts) refused(status int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if status == 456 {
		n.Refused456++
	} else {
		n.Suspended503++
	}
}

func (n *counts) begin(side fsm.Side) { n.busy(side, 1) }
func (n *counts) end(side fsm.Side)   { n.busy(side, -1) }

func (n *counts) busy(side fsm.Side, by int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.InFlight[side] += by
}

func (n *counts) session(id string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.CallsBySession[id]++
}

func (n *counts) executed(sql string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.Executions[sql]++
}

func (n *counts) unrouted(method string, side fsm.Side) {
	what := fmt.Sprintf("%s reached %s without a strategy header", method, side)
	n.mu.Lock()
	defer n.mu.Unlock()
	if !slices.Contains(n.Violations, what) {
		n.Violations = append(n.Violations, what)
	}
}

func (n *counts) violation(what string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.Violations = append(n.Violations, what)
}
