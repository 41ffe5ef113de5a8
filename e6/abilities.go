package e6

import (
	"sync"
	"sync/atomic"
)

// abilities remembers whether engines have a call. It forgets them all when there
// are more than maxEngines: a server may give itself a new name with every query.
// The zero value is empty. Its methods may be called concurrently.
type abilities struct {
	engines sync.Map // engineKey -> bool
	n       atomic.Int64
}

const maxEngines = 1024

type engineKey struct {
	side Side
	ip   string
}

func (a *abilities) of(engine engineKey) (has, known bool) {
	v, known := a.engines.Load(engine)
	has, _ = v.(bool)
	return has, known
}

func (a *abilities) remember(engine engineKey, has bool) {
	if a.n.Add(1) > maxEngines {
		a.engines.Clear()
		a.n.Store(1)
	}
	a.engines.Store(engine, has)
}
