package playground

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
)

// Command is a request of the visitor.
type Command struct {
	Name string
	// Side is the side that the command is about, and None for a command about all.
	Side fsm.Side
}

// action is a command with its effect. Those about a side need one.
type action struct {
	name  string
	sided bool
	do    func(ctx context.Context, p *Playground, side fsm.Side) error
}

// onWorld is the effect of a command that only changes the cluster or the load.
func onWorld(do func(w *world, side fsm.Side)) func(context.Context, *Playground, fsm.Side) error {
	return func(_ context.Context, p *Playground, side fsm.Side) error {
		do(p.current(), side)
		return nil
	}
}

// actions are the commands of Do.
var actions = []action{
	// The load.
	{"start", false, onWorld(func(w *world, _ fsm.Side) { w.load.start() })},
	{"stop", false, onWorld(func(w *world, _ fsm.Side) { w.load.stop() })},
	// A graceful cutover: the side opens and every response announces it. The other side
	// stays open, so that the client can roll back.
	{"announce", true, onWorld((*world).announce)},
	// An abrupt cutover: the side opens and the other one refuses every call, at once and
	// without an announcement.
	{"cutover", true, func(ctx context.Context, p *Playground, side fsm.Side) error { return p.current().cutover(ctx, side) }},
	// The ingress lets calls to the side pass, or refuses them with 456.
	{"open", true, onWorld(func(w *world, side fsm.Side) { w.cluster.OpenSide(side) })},
	{"close", true, onWorld(func(w *world, side fsm.Side) { w.cluster.CloseSide(side) })},
	// The executions of an unhealthy side fail with HTTP 502. Its health probes succeed, so
	// only the rollback policy notices.
	{"healthy", true, onWorld(func(w *world, side fsm.Side) { w.setHealthy(side, true) })},
	{"unhealthy", true, onWorld(func(w *world, side fsm.Side) { w.setHealthy(side, false) })},
	// A new cluster with a new client.
	{"reset", false, func(ctx context.Context, p *Playground, _ fsm.Side) error { return p.reset(ctx) }},
}

// Do executes a command. It ends the demo first. The command "demo" plays the demo, after a reset
// if there was another command.
func (p *Playground) Do(ctx context.Context, c Command) error {
	p.commands.Lock()
	defer p.commands.Unlock()
	p.demo.stop()
	err := p.do(ctx, c)
	p.mu.Lock()
	p.problem = ""
	if err != nil {
		p.problem = err.Error()
	}
	p.mu.Unlock()
	p.notify()
	return err
}

func (p *Playground) do(ctx context.Context, c Command) error {
	if c.Name == "demo" {
		if p.current().used {
			if err := p.reset(ctx); err != nil {
				return err
			}
		}
		p.demo.start(p)
		return nil
	}
	i := slices.IndexFunc(actions, func(a action) bool { return a.name == c.Name })
	if i < 0 {
		return fmt.Errorf("command %q: use demo, %s", c.Name, strings.Join(names(), ", "))
	}
	if actions[i].sided && !c.Side.Valid() {
		return fmt.Errorf("command %s: use side blue or green, not %s", c.Name, c.Side)
	}
	p.current().used = true
	return actions[i].do(ctx, p, c.Side)
}

func names() (all []string) {
	for _, a := range actions {
		all = append(all, a.name)
	}
	return all
}

func (w *world) announce(side fsm.Side) {
	w.cluster.OpenSide(side)
	w.cluster.Announce(side)
	w.setAnnounced(side)
}

func (w *world) cutover(ctx context.Context, side fsm.Side) error {
	w.cluster.ClearAnnouncement()
	w.setAnnounced(fsm.None)
	return w.cluster.Cutover(ctx, e6test.Cutover{To: side, Kind: e6test.Abrupt})
}

func (w *world) setAnnounced(side fsm.Side) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.announced = side
}

func (w *world) setHealthy(side fsm.Side, healthy bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if healthy {
		for _, fault := range w.faults[side] {
			fault.Remove()
		}
		w.faults[side] = nil
		return
	}
	for _, method := range []string{e6test.MethodExecuteStatement, e6test.MethodExecuteStatementV2} {
		w.faults[side] = append(w.faults[side], w.cluster.Inject(e6test.Fault{Side: side, Method: method, Times: -1, Action: e6test.BadGateway}))
	}
}
