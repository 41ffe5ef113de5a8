package router_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing/synctest"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/store"
)

// Steps of the surroundings begin with this: no query may depend on one.
const outside = "! "

func (w *world) isOpen(side fsm.Side) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.open[side]
}

// steps lists what can happen next. Of queries in the same place, one moves.
func (w *world) steps() []string {
	var all []string
	seen := map[string]bool{}
	add := func(step, same string) {
		if !seen[same] {
			seen[same] = true
			all = append(all, step)
		}
	}
	for _, q := range w.queries {
		if q.state == "waits" || q.state == "ended" {
			continue
		}
		same := q.print() + fmt.Sprint(q.torn && q.state == "pin")
		add(q.name+": "+q.state, same)
		if q.state == "answer" && slices.Contains(w.scope.fail, q.pin.Side.String()) && !w.used["lose"] {
			add(outside+q.name+": "+q.state+losing, same+losing)
		}
	}
	probing := false
	for _, g := range w.waiting() {
		if g.print == nil {
			continue
		}
		add(g.label(), g.label())
		if g.what == "decide" && w.scope.veto && !w.used["veto"] {
			add(outside+g.label()+refusing, g.label()+refusing)
		}
		probing = probing || g.probe && g.live()
	}
	in := w.Inside()
	if (in.Detecting || in.Preparing) && !probing {
		add("pause", "pause")
	}
	if w.limits > 0 && (in.Detecting || in.Transition || in.Suppressed) {
		add(outside+"limit", "limit")
	}
	return append(all, w.surroundings()...)
}

func (w *world) surroundings() (all []string) {
	s := &w.scope
	if s.closed && !w.used["open"] {
		all = append(all, outside+"open")
	}
	if s.announce && !w.used["announce"] {
		all = append(all, outside+"announce")
	}
	if s.withdraw && w.used["announce"] && !w.used["withdraw"] {
		all = append(all, outside+"withdraw")
	}
	if s.storeSide.Valid() && !w.used["store"] {
		all = append(all, outside+"store")
	}
	if !w.used["refuse"] {
		for _, side := range s.refuse {
			all = append(all, outside+"refuse "+side)
		}
	}
	if s.reopen && w.used["refuse"] && !w.used["reopen"] {
		all = append(all, outside+"reopen")
	}
	if s.reset && !w.used["reset"] {
		all = append(all, outside+"reset")
	}
	return all
}

// do makes one step, and waits until everything that follows from it is done.
// It reports false if the step is not possible.
func (w *world) do(step string) bool {
	before := w.Inside().Machine
	word, side, _ := strings.Cut(strings.TrimPrefix(step, outside), " ")
	stale, possible := false, true
	switch word {
	case "pause":
		time.Sleep(pauseOfModel)
	case "limit":
		w.limits--
		time.Sleep(limitOfModel + pauseOfModel)
	case "open":
		w.change(word, func() { w.open[fsm.Green] = true })
	case "announce":
		w.change(word, func() { w.naming = fsm.Green })
	case "withdraw":
		w.change(word, func() { w.naming = fsm.Blue })
	case "refuse":
		closes := fsm.Blue
		if side == "green" {
			closes = fsm.Green
		}
		w.change(word, func() { w.open[closes], w.closed = false, closes })
	case "reopen":
		w.change(word, func() { w.open[w.closed] = true })
		w.monitor.reopened(w.closed)
	case "reset":
		w.used[word] = true
		_ = w.Reset(context.Background())
	case "store":
		w.change(word, func() { w.record = store.Record{Version: 1, Active: w.scope.storeSide, Writer: "another"} })
		w.watch(w.record)
	default:
		stale, possible = w.release(strings.TrimPrefix(step, outside))
	}
	synctest.Wait()
	after := w.Inside().Machine
	if word == "store" && (after.Active != before.Active || after.Epoch != before.Epoch) {
		w.blame("the store alone moved the client from %s to %s", before, after)
	}
	if stale && !same(after, before) {
		w.blame("a stale announcement moved the client from %s to %s", before, after)
	}
	w.monitor.look(w)
	return possible
}

func (w *world) change(what string, f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.used[what] = true
	f()
}

// How a gate opens, if not as usual.
const (
	losing   = " (no answer)"
	refusing = " (veto)"
)

// release opens the gate that a step is about. It reports whether that delivers
// an announcement which is stale, and whether there is such a gate.
func (w *world) release(step string) (stale, possible bool) {
	var v verdict
	label := strings.TrimSuffix(step, losing)
	if label != step {
		v.err, w.used["lose"] = errDead, true
	}
	if before := label; strings.HasSuffix(before, refusing) {
		label, v.veto, w.used["veto"] = strings.TrimSuffix(before, refusing), true, true
	}
	for _, g := range w.waiting() {
		if g.label() != label {
			continue
		}
		for _, q := range w.queries {
			if q.name == g.name && q.state == "answer" && v.err == nil && w.isOpen(q.pin.Side) {
				stale = w.Ago(q.at) != "0,true"
			}
		}
		g.open <- v
		return stale, true
	}
	return false, false
}
