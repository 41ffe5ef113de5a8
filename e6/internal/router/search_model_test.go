package router_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/e6data/e6data-go/internal/bubbles"
)

// A place is a state that some schedule reached.
type place struct {
	path    *path // the first schedule that led to it
	ended   bool  // every query has ended
	waiting bool  // some query waits
	served  bool  // some side accepts
	settled bool  // nothing is under way
	patient bool  // what is under way waits for a side that refuses, within its limit
	next    []edge
}

type edge struct {
	to   int
	kind kind
}

// A kind is the origin of a step.
type kind uint8

const (
	bySides   kind = iota // the sides answer, and pauses pass
	byQueries             // a query goes on
	byOthers              // anything else happens
)

func kindOf(step string) kind {
	switch {
	case strings.HasPrefix(step, outside):
		return byOthers
	case strings.HasPrefix(step, "query "):
		return byQueries
	}
	return bySides
}

// A path is a schedule: a step and what came before it.
type path struct {
	before *path
	step   string
	length int
	at     int // the place that it leads to
}

// all lists the path from its beginning.
func (p *path) all() []*path {
	if p == nil {
		return nil
	}
	return append(p.before.all(), p)
}

func (p *path) String() string {
	text := "after:"
	for _, p := range p.all() {
		text += "\n  " + p.step
	}
	return text
}

// search runs every schedule of a scope, each from its beginning, and leaves one
// when it comes to a place that another has been to.
type search struct {
	scope   scope
	known   map[string]int
	places  []*place
	todo    []todo
	runs    int
	steps   int
	forks   int
	longest int
	wrong   string
}

// A todo is a step that has not been made yet from where a schedule leads to.
type todo struct {
	from  *path
	step  string
	tries int
}

// tries is how often a schedule is repeated that led to another place than
// before. Within one step of a schedule, goroutines of the router may
// overtake each other where no rule minds it; each outcome is a place of its own.
const tries = 200

func explore(t *testing.T, s scope, limit time.Duration) *search {
	e := &search{scope: s, known: map[string]int{}}
	began := time.Now()
	e.run(t, todo{})
	for len(e.todo) > 0 && e.wrong == "" {
		next := e.todo[0]
		e.todo = e.todo[1:]
		e.run(t, next)
		if time.Since(began) > limit {
			t.Fatalf("%s: %d places after %s, and %d steps are left to make: the scope is too large", s.name, len(e.places), limit, len(e.todo))
		}
	}
	return e
}

// run replays a schedule and goes on from its end for as long as that leads to
// new places. The other possible steps are queued.
func (e *search) run(t *testing.T, next todo) {
	e.runs++
	bubbles.Test(t, func(t *testing.T) {
		w, err := newWorld(e.scope)
		if err != nil {
			t.Fatal(err)
		}
		for here := e.replay(w, next); here != nil && len(w.wrong) == 0; {
			steps := w.steps()
			e.places[here.at].check(w, len(steps) == 0)
			if len(steps) == 0 {
				break
			}
			e.later(here, steps[1:])
			here = e.step(w, here, steps[0])
		}
		e.note(w, nil)
		w.close()
		e.note(w, nil)
	})
}

func (e *search) later(from *path, steps []string) {
	for _, step := range steps {
		e.todo = append(e.todo, todo{from: from, step: step})
	}
}

// replay makes the steps of a schedule, and then the one that is to do. It
// returns the path if that leads to a new place.
func (e *search) replay(w *world, next todo) *path {
	if next.from == nil {
		p, _ := e.arrive(w, nil, "")
		return p
	}
	var fork *path
	for _, p := range next.from.all() {
		possible := p.before == nil || w.do(p.step)
		if possible && p != next.from && !e.scope.late {
			continue // only late answers have ever forked a schedule: skip the check
		}
		if at, ok := e.known[w.print()]; !possible || !ok || at != p.at {
			fork = p
			break
		}
	}
	if fork == nil {
		return e.step(w, next.from, next.step)
	}
	if next.tries++; next.tries == tries {
		w.blame("a schedule does not lead to the same place again in %d attempts", tries)
		e.note(w, fork)
		return nil
	}
	e.todo = append(e.todo, next)
	e.forks++
	if p, isNew := e.arrive(w, fork.before, fork.step); isNew {
		return p
	}
	return nil
}

// step makes a step. It returns the path if it leads to a new place.
func (e *search) step(w *world, from *path, step string) *path {
	if !w.do(step) {
		w.blame("the step %q is not possible", step)
	}
	e.steps++
	p, isNew := e.arrive(w, from, step)
	e.note(w, p)
	if isNew {
		return p
	}
	return nil
}

// arrive notes where a step has led to.
func (e *search) arrive(w *world, from *path, step string) (p *path, isNew bool) {
	print := w.print()
	at, ok := e.known[print]
	p = &path{before: from, step: step, at: at}
	if !ok {
		p.at = len(e.places)
		e.known[print] = p.at
		e.places = append(e.places, &place{path: p})
	}
	if from != nil {
		p.length = from.length + 1
		e.longest = max(e.longest, p.length)
		last := e.places[from.at]
		last.next = append(last.next, edge{p.at, kindOf(step)})
	}
	return p, !ok
}

// note keeps the first thing that went wrong, with the schedule that led to it.
func (e *search) note(w *world, p *path) {
	if len(w.wrong) == 0 || e.wrong != "" {
		return
	}
	e.wrong = strings.Join(w.wrong, "\n")
	if p != nil {
		e.wrong += "\n" + p.String()
	}
	e.wrong += "\nwhere:\n  " + strings.ReplaceAll(w.print(), "\n", "\n  ")
}

// unable lists the places from which no steps of those kinds lead to a goal.
func (e *search) unable(goal func(*place) bool, kinds ...kind) (stuck []*place) {
	from := make([][]int, len(e.places))
	var reached []int
	can := make([]bool, len(e.places))
	for i, p := range e.places {
		for _, next := range p.next {
			if slices.Contains(kinds, next.kind) {
				from[next.to] = append(from[next.to], i)
			}
		}
		if can[i] = goal(p); can[i] {
			reached = append(reached, i)
		}
	}
	for ; len(reached) > 0; reached = reached[1:] {
		for _, i := range from[reached[0]] {
			if !can[i] {
				can[i] = true
				reached = append(reached, i)
			}
		}
	}
	for i, p := range e.places {
		if !can[i] {
			stuck = append(stuck, p)
		}
	}
	return stuck
}
