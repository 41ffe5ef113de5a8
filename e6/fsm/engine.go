package fsm

import (
	"context"
	"sync"

	looplab "github.com/looplab/fsm"
)

// engine is a sound table in the hands of looplab/fsm. All machines share one: a
// machine is a node and the engine says what follows it, so that a client does not
// keep a table of its own.
type engine struct {
	nodes map[string]node

	mu  sync.Mutex // the node of fsm is that of the machine that asks
	fsm *looplab.FSM
}

// declared is the engine of the package's own table.
var declared = sync.OnceValues(func() (*engine, error) { return newEngine(table()) })

func newEngine(rows []row) (*engine, error) {
	if err := validate(rows); err != nil {
		return nil, err
	}
	e := &engine{nodes: make(map[string]node)}
	var events looplab.Events
	for _, r := range rows {
		events = append(events, looplab.EventDesc{Name: r.name(), Src: []string{r.from.name()}, Dst: r.to.name()})
		e.nodes[r.from.name()], e.nodes[r.to.name()] = r.from, r.to
	}
	e.fsm = looplab.NewFSM(unknown.name(), events, nil)
	return e, nil
}

// next is the node that a row's event leads to from that node, if it may happen there.
func (e *engine) next(from node, r row) (node, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.fsm.SetState(from.name())
	if err := e.fsm.Event(context.Background(), r.name()); err != nil {
		return node{}, false
	}
	return e.nodes[e.fsm.Current()], true
}
