package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
)

// Order is a person's word that every client of a cluster is to leave a side.
type Directive struct {
	// Side is the one that is to be left.
	Side fsm.Side
	// Why is the reason, for people: MaxWhy bytes at most. It is required.
	Reason string
	// Who gives the order, for people: 64 bytes at most. It is required.
	Who string
	// For is how long announcements of the side are ignored, MaxVeto at most.
	For time.Duration
}

// DirectiveError says what is wrong with an Order.
type DirectiveError struct {
	// Field is the field of the Order, and Value what it holds.
	Field, Value string
	// Want is what it should be.
	Want string
}

// Error implements error.
func (e *DirectiveError) Error() string {
	return fmt.Sprintf("store: an order's %s is %q: want %s", e.Field, e.Value, e.Want)
}

const maxWho = 64

func (o Directive) check() error {
	switch {
	case !o.Side.Valid():
		return &DirectiveError{"Side", o.Side.String(), "blue or green"}
	case o.Reason == "" || len(o.Reason) > MaxReason:
		return &DirectiveError{"Why", o.Reason, fmt.Sprintf("a reason of %d bytes at most", MaxReason)}
	case o.Who == "" || len(o.Who) > maxWho:
		return &DirectiveError{"Who", o.Who, fmt.Sprintf("a name of %d bytes at most", maxWho)}
	case o.For <= 0 || o.For > MaxVeto:
		return &DirectiveError{"For", o.For.String(), fmt.Sprintf("a time of %s at most", MaxVeto)}
	}
	return nil
}

// Rollback takes the clients of a cluster back from a side: it names the other one as
// active, takes an announcement back, and leaves a veto, so that announcements of the
// side are ignored until it ends. A client that is on the side leaves it if the other
// one accepts it, as ever. Rollback returns the fact that the store holds then.
//
// It refuses with an *DirectiveError what would send the clients from side to side: an
// order to leave the one side while a veto on the other one stands. Release that first.
// Other errors are the store's. A fact that others change meanwhile is read again until
// ctx ends.
func Rollback(ctx context.Context, s Store, cluster string, o Directive) (Record, error) {
	if err := o.check(); err != nil {
		return Record{}, err
	}
	return change(ctx, s, cluster, func(present Record) (Record, error) {
		back := o.Side.Other()
		if present.Vetoed(back) {
			return present, &DirectiveError{"Side", o.Side.String(), fmt.Sprintf("a side whose other one can be used: a veto on %s stands", back)}
		}
		now := time.Now()
		next, _ := present.WithVeto(Veto{Side: o.Side, Writer: o.Who, Directive: true, Reason: o.Reason, At: now, Until: now.Add(o.For)})
		if present.Active == o.Side {
			next.Epoch++
		}
		next.Active, next.Announced, next.Writer, next.At = back, fsm.None, o.Who, now
		return next, nil
	})
}

// Release takes back every veto on a side, whoever gave it, so that its announcements
// count again. It moves no client. Who releases it is for people. It returns the fact
// that the store holds then, and how many vetoes there were.
func Release(ctx context.Context, s Store, cluster string, side fsm.Side, who string) (fact Record, released int, err error) {
	fact, err = change(ctx, s, cluster, func(present Record) (Record, error) {
		next := present
		next.Vetoes, released = nil, 0
		for _, v := range present.ActiveVetoes() {
			if v.Side == side {
				released++
			} else {
				next.Vetoes = append(next.Vetoes, v)
			}
		}
		if released == 0 {
			return present, errNoChange
		}
		next.Writer, next.At = who, time.Now()
		return next, nil
	})
	return fact, released, err
}

// errNoChange is returned by a change that is none.
var errNoChange = errors.New("store: nothing to change")

// change replaces the fact of a cluster by what fn makes of it.
func change(ctx context.Context, s Store, cluster string, fn func(present Record) (Record, error)) (Record, error) {
	present, err := s.Load(ctx, cluster)
	for err == nil {
		next, refused := fn(present)
		if errors.Is(refused, errNoChange) {
			return present, nil
		}
		if refused != nil {
			return present, refused
		}
		next, err = s.CompareAndSwap(ctx, cluster, present.Version, next)
		if err == nil {
			return next, nil
		}
		if errors.Is(err, ErrConflict) && ctx.Err() == nil {
			present, err = next, nil // others have spoken: look again
		}
	}
	return present, err
}
