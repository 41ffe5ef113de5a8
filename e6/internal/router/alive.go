package router

import (
	"context"

	"github.com/e6data/e6data-go/e6/fsm"
)

// alive lasts until a probe finds that a side does not answer.
type alive struct {
	ctx context.Context
	end context.CancelFunc
}

func newAlive() *alive {
	ctx, end := context.WithCancel(context.Background())
	return &alive{ctx, end}
}

// Alive returns a context that ends when a probe finds that the side does not answer. It
// says nothing about a later time: the side may come back.
func (rt *Router) Alive(side fsm.Side) context.Context { return rt.alive[side].Load().ctx }

// foundDead ends the context of a side, and begins another one.
func (w *writer) foundDead(side fsm.Side) { w.alive[side].Swap(newAlive()).end() }
