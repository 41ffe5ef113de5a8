// Package store holds the state that clients of one cluster share about its
// strategy: which side is active, and which one was announced.
//
// A store never decides anything. A change of its record makes a client probe the
// cluster, and a client writes only what it received from the cluster, so a store
// that is wrong, slow or unreachable can cost an authentication, never a query.
//
// Memory is for the clients of one process, File for the processes of one user
// on one host. Package storetest has the tests for a store of your own.
package store

import (
	"context"
	"errors"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
)

// Record is the shared state of one cluster. The zero Record means that none is known.
type Record struct {
	// Version grows by one with every change. It is 0 when nothing is known.
	Version uint64 `json:"version"`
	// Active is the side that last accepted a client.
	Active fsm.Side `json:"active"`
	// Announced is the side that the cluster named as the next one, or None.
	Announced fsm.Side `json:"announced"`
	// Epoch counts how often Active has changed since the first record. It is for people.
	Epoch uint64 `json:"epoch"`
	// Vetoes name a side that must not be used for a while, the oldest first. There is
	// at most one for each writer and side, and at most MaxVetoes. Readers must not change
	// them.
	Vetoes []Veto `json:"vetoes,omitempty"`
	// Writer identifies the client that wrote the record. It is random, and no secret.
	Writer string `json:"writer"`
	// At is when it was written, by the writer's clock. It is for people;
	// order comes from Version alone.
	At time.Time `json:"at"`
}

// Side is the side that new queries should be routed to.
func (f Record) Side() fsm.Side {
	if f.Announced.Valid() {
		return f.Announced
	}
	return f.Active
}

// Store keeps one Record per cluster. Its methods may be called concurrently and
// honour their contexts.
type Store interface {
	// Load returns the record of that cluster, and the zero Record if there is none.
	Load(ctx context.Context, cluster string) (Record, error)
	// CompareAndSwap replaces the record if its version is still old, and returns
	// the new record, whose Version is old+1. Otherwise it changes nothing and
	// returns the current record with an error that is ErrConflict.
	CompareAndSwap(ctx context.Context, cluster string, old uint64, next Record) (Record, error)
	// Watch calls fn with the current record, if there is one, and with every
	// later one, until the context ends; then it returns the context's error.
	// Records that follow each other quickly may be merged into the last one. The
	// calls are made one at a time.
	Watch(ctx context.Context, cluster string, fn func(Record)) error
}

// ErrConflict is returned by CompareAndSwap when the record has changed.
var ErrConflict = errors.New("store: the record has changed since it was read")
