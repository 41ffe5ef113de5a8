package exec

import (
	"sync"
	"sync/atomic"

	"github.com/e6data/e6data-go/e6/fsm"
)

// capabilities caches which engines have a call. It clears the cache when it has more than
// maxEngines entries: a server may report a new engine name for every statement.
// The zero value is empty. Its methods may be called concurrently.
type capabilities struct {
	engines sync.Map // engineKey -> bool
	n       atomic.Int64
}

const maxEngines = 1024

type engineKey struct {
	side fsm.Side
	ip   string
}

func (a *capabilities) of(engine engineKey) (has, known bool) {
	v, known := a.engines.Load(engine)
	has, _ = v.(bool)
	return has, known
}

func (a *capabilities) remember(engine engineKey, has bool) {
	if a.n.Add(1) > maxEngines {
		a.engines.Clear()
		a.n.Store(1)
	}
	a.engines.Store(engine, has)
}
