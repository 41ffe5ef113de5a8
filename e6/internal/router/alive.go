package router

import (
	"context"

	"github.com/e6data/e6data-go/e6/fsm"
)

// alive is a context that ends when a probe of a side gets no response.
type alive struct {
	ctx context.Context
	end context.CancelFunc
}

func newAlive() *alive {
	ctx, end := context.WithCancel(context.Background())
	return &alive{ctx, end}
}

// Alive returns a context that ends when the next probe of side gets no response. After
// that, Alive returns another context: the side may recover.
func (rt *Router) Alive(side fsm.Side) context.Context { return rt.alive[side].Load().ctx }

// foundDead ends the context of a side and replaces it.
func (w *writer) foundDead(side fsm.Side) { w.alive[side].Swap(newAlive()).end() }
