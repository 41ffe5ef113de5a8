package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
)

// Directive is an operator's request that every client of a cluster leaves a side.
type Directive struct {
	// Side is the side to leave.
	Side fsm.Side
	// Reason is shown to people: MaxReason bytes at most. It is required.
	Reason string
	// Who names the operator, for people: 64 bytes at most. It is required.
	Who string
	// For is how long announcements of the side are suppressed, MaxVeto at most.
	For time.Duration
}

// DirectiveError is returned for a Directive that is invalid.
type DirectiveError struct {
	// Field is the field of the Directive, and Value its content.
	Field, Value string
	// Want describes a valid value.
	Want string
}

// Error implements error.
func (e *DirectiveError) Error() string {
	return fmt.Sprintf("store: directive: %s is %q: want %s", e.Field, e.Value, e.Want)
}

const maxWho = 64

func (o Directive) check() error {
	switch {
	case !o.Side.Valid():
		return &DirectiveError{"Side", o.Side.String(), "blue or green"}
	case o.Reason == "" || len(o.Reason) > MaxReason:
		return &DirectiveError{"Reason", o.Reason, fmt.Sprintf("a reason of %d bytes at most", MaxReason)}
	case o.Who == "" || len(o.Who) > maxWho:
		return &DirectiveError{"Who", o.Who, fmt.Sprintf("a name of %d bytes at most", maxWho)}
	case o.For <= 0 || o.For > MaxVeto:
		return &DirectiveError{"For", o.For.String(), fmt.Sprintf("a time of %s at most", MaxVeto)}
	}
	return nil
}

// Rollback moves the clients of a cluster away from a side: it makes the other side
// active, clears an announcement, and adds a veto, so that announcements of the
// side are suppressed until it ends. A client on the side leaves it if the other
// side accepts it. Rollback returns the record that the store holds afterwards.
//
// It refuses, with a *DirectiveError, a directive that would make clients flap: leaving
// one side while a veto on the other one is active. Release that veto first.
// Other errors are the store's. After a write conflict it reads and writes again until
// ctx ends.
func Rollback(ctx context.Context, s Store, cluster string, o Directive) (Record, error) {
	if err := o.check(); err != nil {
		return Record{}, err
	}
	return change(ctx, s, cluster, func(current Record) (Record, error) {
		back := o.Side.Other()
		if current.Vetoed(back) {
			return current, &DirectiveError{"Side", o.Side.String(), fmt.Sprintf("a side whose other side is usable: a veto on %s is active, release it first", back)}
		}
		now := time.Now()
		next, _ := current.WithVeto(Veto{Side: o.Side, Writer: o.Who, Directive: true, Reason: o.Reason, At: now, Until: now.Add(o.For)})
		if current.Active == o.Side {
			next.Epoch++
		}
		next.Active, next.Announced, next.Writer, next.At = back, fsm.None, o.Who, now
		return next, nil
	})
}

// Release removes every veto on a side, of any writer, so that its announcements
// count again. It moves no client. who is the name that tools show. It returns the record
// that the store holds afterwards, and the number of removed vetoes.
func Release(ctx context.Context, s Store, cluster string, side fsm.Side, who string) (record Record, released int, err error) {
	record, err = change(ctx, s, cluster, func(current Record) (Record, error) {
		next := current
		next.Vetoes, released = nil, 0
		for _, v := range current.ActiveVetoes() {
			if v.Side == side {
				released++
			} else {
				next.Vetoes = append(next.Vetoes, v)
			}
		}
		if released == 0 {
			return current, errNoChange
		}
		next.Writer, next.At = who, time.Now()
		return next, nil
	})
	return record, released, err
}

// errNoChange is returned by a function of change that has nothing to write.
var errNoChange = errors.New("store: nothing to change")

// change replaces the record of a cluster by the result of fn, and retries conflicts.
func change(ctx context.Context, s Store, cluster string, fn func(current Record) (Record, error)) (Record, error) {
	current, err := s.Load(ctx, cluster)
	for err == nil {
		next, refused := fn(current)
		if errors.Is(refused, errNoChange) {
			return current, nil
		}
		if refused != nil {
			return current, refused
		}
		next, err = s.CompareAndSwap(ctx, cluster, current.Version, next)
		if err == nil {
			return next, nil
		}
		if errors.Is(err, ErrConflict) && ctx.Err() == nil {
			current, err = next, nil // another client wrote: retry with its record
		}
	}
	return current, err
}
