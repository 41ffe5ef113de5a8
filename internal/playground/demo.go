package playground

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
)

// lead is the time in which a visitor can read a caption before its step happens.
const lead = 5 * time.Second

// scene is a part of the demo.
type scene struct {
	before string // the caption while lead passes
	do     Command
	during string // the caption until the condition holds
	until  fsm.State
}

// scenes are the demo: each kind of a change of the active side, under load.
var scenes = []scene{
	{
		"Queries run on blue. In a moment green opens, and every response announces it.", Command{"announce", fsm.Green},
		"Green is announced. New queries use it when it accepts; running ones end on blue.", fsm.StateGreen,
	},
	{
		"Green serves. In a moment green refuses every call and blue opens, without an announcement.", Command{"cutover", fsm.Blue},
		"Green refuses with 456. The client detects blue, starts refused queries over, and continues the export after its verified rows.", fsm.StateBlue,
	},
	{
		"Blue serves. In a moment green is announced again.", Command{"announce", fsm.Green},
		"Green is announced.", fsm.StateGreen,
	},
	{
		"Green serves, on probation. In a moment its executions fail with 502.", Command{"unhealthy", fsm.Green},
		"The executions on green fail. The rollback policy returns the client to blue, and the reads run again there.", fsm.StateBlue,
	},
}

// demo plays the scenes, one run at a time.
type demo struct {
	mu     sync.Mutex
	state  Demo
	cancel context.CancelFunc
	done   chan struct{}
}

// snapshot is what the demo does now.
func (d *demo) snapshot() Demo {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.state
}

func (d *demo) set(s Demo) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.state = s
}

func (d *demo) start(p *Playground) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	d.mu.Lock()
	d.cancel, d.done = cancel, done
	d.mu.Unlock()
	go func() {
		defer close(done)
		d.set(d.play(ctx, p))
		p.notify()
	}()
}

// stop ends the run and waits for its end.
func (d *demo) stop() {
	d.mu.Lock()
	cancel, done := d.cancel, d.done
	d.cancel, d.done = nil, nil
	d.mu.Unlock()
	if cancel != nil {
		cancel()
		<-done
	}
	d.set(Demo{})
}

// play returns the state after the last scene.
func (d *demo) play(ctx context.Context, p *Playground) Demo {
	w := p.current()
	w.used = true
	w.load.start()
	for i, s := range scenes {
		show := func(caption string) {
			d.set(Demo{Playing: true, Scene: i + 1, Scenes: len(scenes), Caption: caption})
			p.notify()
		}
		show(s.before)
		pause(ctx, lead)
		if ctx.Err() == nil {
			if err := p.do(ctx, s.do); err != nil {
				return Demo{Caption: "The demo ended: " + err.Error()}
			}
		}
		show(s.during)
		for w.client.Strategy().State != s.until && ctx.Err() == nil {
			pause(ctx, 50*time.Millisecond)
		}
		if ctx.Err() != nil {
			return Demo{}
		}
	}
	if pause(ctx, lead); ctx.Err() != nil {
		return Demo{}
	}
	w.setHealthy(fsm.Green, true)
	w.announce(fsm.Blue)
	t := p.Snapshot().Totals
	return Demo{Caption: fmt.Sprintf("The demo is over: %d cutovers, %d queries, %d failed. Now use the buttons.", t.Cutovers, t.Queries, t.Failed)}
}
