package router_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/internal/stress"
)

// walk tries every order. It returns the first rule that one breaks.
func walk(rules pinRules) (states, steps int, wrong string) {
	first := pinState{n: 1}
	for i := rules.queries; i < pinners; i++ {
		first.queries[i].step = gone
	}
	first.routes[0] = pinRouting{epoch: 1, active: fsm.Blue}
	known := map[pinState]struct{}{first: {}}
	for todo := []pinState{first}; len(todo) > 0; {
		s := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		next, wrong := s.next(&rules)
		if wrong == "" {
			wrong = s.broken(len(next) == 0)
		}
		if wrong != "" {
			return len(known), steps, wrong
		}
		for _, to := range next {
			steps++
			if _, ok := known[to]; !ok {
				known[to] = struct{}{}
				todo = append(todo, to)
			}
		}
	}
	return len(known), steps, ""
}

var pinWorlds = map[string]pinRules{
	"three queries":        {queries: 3, trips: 1},
	"a client that closes": {queries: 2, large: 3, trips: 1, closes: true},
	"closing at once":      {queries: 3, closes: true},
	"there and back":       {queries: 2, large: 3, trips: 2},
	"a shared phase":       {queries: 2, large: 3, trips: 1, shared: true},
	"shared, and closes":   {queries: 2, trips: 1, shared: true, closes: true},
	"back, and closes":     {queries: 2, trips: 2, closes: true},
}

// With E6_MODEL=large there are three queries where that is feasible, and under the race
// detector two. The two largest worlds have one there in the short form: a model has no
// races, and go test without the detector walks through them with two.
func TestModel_NoInterleavingBreaksAPin(t *testing.T) {
	for name, rules := range pinWorlds {
		t.Run(name, func(t *testing.T) {
			switch {
			case os.Getenv("E6_MODEL") == "large":
				rules.queries = max(rules.queries, rules.large)
			case underRace:
				rules.queries = 2
				if rules.closes && (rules.shared || rules.trips > 1) {
					rules.queries = stress.Count(1, 2)
				}
			}
			states, steps, wrong := walk(rules)
			t.Logf("%d queries: %d states, %d steps between them", rules.queries, states, steps)
			require.Empty(t, wrong)
		})
	}
}

// Each rule of a pin is there for a reason: without it, some order goes wrong.
func TestModel_EveryRuleOfAPinIsNeeded(t *testing.T) {
	for name, c := range map[string]struct {
		rules pinRules
		wrong string
	}{
		"look before counting in":             {pinRules{trips: 1, reloadsFirst: true}, "blue was drained, and query"},
		"do not look again":                   {pinRules{trips: 1, neverReloads: true}, "blue was drained, and query"},
		"do not compare the epochs":           {pinRules{trips: 2, anyEpoch: true}, "a pin has the epoch of an earlier routing"},
		"look before counting out":            {pinRules{trips: 1, loadsFirst: true}, "the writer waits for ever"},
		"leave silently after a failed pin":   {pinRules{trips: 1, failsSilently: true}, "the writer waits for ever"},
		"leave the old side before the new":   {pinRules{trips: 1, closes: true, unpinsFirst: true}, "the client has no query any more"},
		"believe a sum under which one moves": {pinRules{trips: 2, closes: true, ignoresMoves: true}, "the client has no query any more"},
		"sum up before publishing the target": {pinRules{trips: 1, sumsFirst: true}, "blue was drained, and query"},
	} {
		t.Run(name, func(t *testing.T) {
			c.rules.queries = 2
			_, _, wrong := walk(c.rules)
			require.Contains(t, wrong, c.wrong)
		})
	}
}
