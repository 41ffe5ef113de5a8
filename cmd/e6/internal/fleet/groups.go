package fleet

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/store"
)

// Group is how many clients are alike, so that a thousand of them fit on a screen.
type Group struct {
	Side             fsm.Side
	State            fsm.State
	Program, Version string
	// Hosts are those on which the clients run, in order.
	Hosts []string
	// Clients is how many there are, and Since when the first of them came.
	Clients int
	Since   time.Time
}

// Groups sorts clients into groups: those first that are not on the active side, as
// an operator looks for them first, and the largest of each side first.
func (s State) Groups() []Group {
	type key struct {
		side             fsm.Side
		state            fsm.State
		program, version string
	}
	found := map[key]*Group{}
	for _, c := range s.Clients {
		k := key{c.Side, c.State, c.Program, c.Version}
		g := found[k]
		if g == nil {
			g = &Group{Side: c.Side, State: c.State, Program: c.Program, Version: c.Version, Since: c.Since}
			found[k] = g
		}
		g.Clients++
		g.Hosts = append(g.Hosts, c.Host)
		if c.Since.Before(g.Since) {
			g.Since = c.Since
		}
	}
	here := func(g Group) int {
		if g.Side == s.Record.Active {
			return 1
		}
		return 0
	}
	groups := make([]Group, 0, len(found))
	for _, g := range found {
		slices.Sort(g.Hosts)
		g.Hosts = slices.Compact(g.Hosts)
		groups = append(groups, *g)
	}
	slices.SortFunc(groups, func(a, b Group) int {
		return cmp.Or(cmp.Compare(here(a), here(b)), cmp.Compare(a.Side, b.Side), cmp.Compare(b.Clients, a.Clients), cmp.Compare(a.Program, b.Program),
			cmp.Compare(a.Version, b.Version), cmp.Compare(a.State, b.State))
	})
	return groups
}

// Where names the host of a group, or counts its hosts.
func (g Group) Where() string {
	if len(g.Hosts) == 1 {
		return g.Hosts[0]
	}
	return fmt.Sprintf("%d hosts", len(g.Hosts))
}

// Sides counts the clients on each side: "10 on green, 2 on blue".
func Sides(clients []store.Client) string {
	on := map[fsm.Side]int{}
	for _, c := range clients {
		on[c.Side]++
	}
	var parts []string
	for _, side := range []fsm.Side{fsm.Blue, fsm.Green, fsm.None} {
		switch n := on[side]; {
		case n == 0:
		case side == fsm.None:
			parts = append(parts, fmt.Sprintf("%d on no side yet", n))
		default:
			parts = append(parts, fmt.Sprintf("%d on %s", n, side))
		}
	}
	return strings.Join(parts, ", ")
}
