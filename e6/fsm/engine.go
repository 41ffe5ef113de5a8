package fsm

import (
	"context"
	"sync"

	looplab "github.com/looplab/fsm"
)

// definition is a valid table in the form that looplab/fsm takes. It does not change,
// so all machines share it.
type definition struct {
	events looplab.Events
	nodes  map[string]node // by name
}

// declared is the definition of the package's own table.
var declared = sync.OnceValues(func() (*definition, error) { return define(table()) })

// define validates a table and converts it.
func define(rows []row) (*definition, error) {
	if err := validate(rows); err != nil {
		return nil, err
	}
	d := &definition{nodes: make(map[string]node)}
	for _, r := range rows {
		d.events = append(d.events, looplab.EventDesc{Name: r.name(), Src: []string{r.from.name()}, Dst: r.to.name()})
		d.nodes[r.from.name()], d.nodes[r.to.name()] = r.from, r.to
	}
	return d, nil
}

// engine is an instance of looplab/fsm with typed events and states. Its caller holds a
// lock: looplab/fsm releases its own before it calls a callback, so two events at once
// could publish their snapshots in the wrong order.
type engine struct {
	nodes map[string]node
	fsm   *looplab.FSM
}

// step is the argument of an event: the trigger, and the transition that it caused.
type step struct {
	trigger Trigger
	made    Transition // set by the callback
}

// newEngine returns an engine in the node unknown. It calls enter during each step, with
// the node that was entered.
func newEngine(d *definition, enter func(node, *step)) engine {
	return engine{d.nodes, looplab.NewFSM(unknown.name(), d.events, looplab.Callbacks{
		"enter_state": func(_ context.Context, e *looplab.Event) { enter(d.nodes[e.Dst], e.Args[0].(*step)) },
	})}
}

// current is the node of the machine.
func (e engine) current() node { return e.nodes[e.fsm.Current()] }

// enter moves the machine to a node without an event, and reports false if there is no such
// node.
func (e engine) enter(n node) bool {
	if _, ok := e.nodes[n.name()]; !ok {
		return false
	}
	e.fsm.SetState(n.name())
	return true
}

// can reports whether the trigger is legal in the current node.
func (e engine) can(t Trigger) bool { return e.fsm.Can(t.row().name()) }

// fire makes a step and reports whether its trigger is legal. An event that the table
// does not have in the current node is the only error of looplab/fsm here: no callback
// cancels or delays a step, and no row leads to its own source.
func (e engine) fire(s *step) bool {
	return e.fsm.Event(context.Background(), s.trigger.row().name(), s) == nil
}
