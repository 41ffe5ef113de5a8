package router

import (
	"slices"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/store"
)

// A storeUpdate is a change to the record in the store. Without an active side it leaves
// the sides of the record as they are. Its vetoes are added to those of the record.
type storeUpdate struct {
	store.Record
	first        bool         // applies only if the store has no record
	unlessVetoed bool         // applies only if there is no veto on the active side
	read         store.Record // the last record that this client had read when it made the update
	number       uint64       // counts the updates of this client
}

// after merges the update with an older one that was not published yet.
func (s storeUpdate) after(older storeUpdate) storeUpdate {
	s.Vetoes = append(slices.DeleteFunc(older.Vetoes, s.replaces), s.Vetoes...)
	if !s.Active.Valid() {
		s.Active, s.Announced, s.first, s.unlessVetoed = older.Active, older.Announced, older.first, older.unlessVetoed
	}
	return s
}

// replaces reports whether the update has a newer veto of the same client on that side.
func (s storeUpdate) replaces(v store.Veto) bool {
	return slices.ContainsFunc(s.Vetoes, func(w store.Veto) bool { return w.Side == v.Side && w.Writer == v.Writer })
}

// onTopOf returns current with the update applied, and whether that differs from current.
func (s storeUpdate) onTopOf(current store.Record) (next store.Record, changed bool) {
	next = current
	next.Writer, next.At = s.Writer, s.At
	if s.movesSides(current, systemClock{}) {
		next.Active, next.Announced, changed = s.Active, s.Announced, true
		if current.Active.Valid() && current.Active != s.Active {
			next.Epoch++
		}
	}
	next.Vetoes = current.ActiveVetoes()
	for _, v := range s.Vetoes {
		with, added := next.WithVeto(v)
		next, changed = with, changed || added
	}
	return next, changed
}

// movesSides reports whether the update changes the sides of current.
func (s storeUpdate) movesSides(current store.Record, c clock) bool {
	switch {
	case !s.Active.Valid():
		return false
	case current.Version == 0:
		return true
	case s.first || s.unlessVetoed && isVetoed(current, s.Active, c) || s.isOvertaken(current, c):
		return false
	}
	return current.Active != s.Active || current.Announced != s.Announced
}

// isOvertaken reports whether another client has changed the sides of the record since
// this client read it, so that this update would replace newer data with older data. It
// prevents this sequence:
//  1. Client A sees that blue is active and makes an update. The store is slow.
//  2. Client B follows the cutover and publishes green.
//  3. The update of A reaches the store and publishes blue again.
//
// An update that confirms the announced side of the record is never overtaken.
func (s storeUpdate) isOvertaken(current store.Record, c clock) bool {
	sameSides := current.Active == s.read.Active && current.Announced == s.read.Announced && current.Epoch == s.read.Epoch
	switch {
	case current.Writer == s.Writer || sameSides:
		return false
	case s.Announced.Valid() && current.Active == s.Announced:
		return true // another client has followed the announcement already
	case current.Announced == s.Active && !s.Announced.Valid():
		return false
	case c.since(current.At) < 0: // the clock of the other client is ahead: the times cannot be compared
		return c.since(s.At) > publishedFresh
	}
	return current.At.After(s.At)
}

// publishedFresh is the maximum age of an update that replaces a record whose time cannot
// be compared.
const publishedFresh = time.Second

// isVetoed reports whether a veto on a side is active.
func isVetoed(current store.Record, side fsm.Side, c clock) bool {
	return slices.ContainsFunc(activeVetoes(current, c), func(v store.Veto) bool { return v.Side == side })
}

// publishSettled publishes the side of a detection if the store has no record, or if the
// other side has just refused.
func (w *writer) publishSettled(side fsm.Side, otherRefused bool) {
	w.updateStore(storeUpdate{Record: store.Record{Active: side}, first: !otherRefused})
}

// publishActive publishes that a side is active.
func (w *writer) publishActive(side fsm.Side) {
	w.updateStore(storeUpdate{Record: store.Record{Active: side}})
}

// publishAnnounced publishes an announcement of the cluster. A record of the store is
// there already.
func (w *writer) publishAnnounced(a announcement) {
	if a.cause.Reason == fsm.ReasonAnnouncement {
		w.updateStore(storeUpdate{Record: store.Record{Active: a.source, Announced: a.target}})
	}
}

// publishReturn publishes the active side after a rollback. alone: the reason was observed
// by this client only. Then, if more than one vote is needed, only its veto is published.
func (w *writer) publishReturn(side fsm.Side, alone bool) {
	if !alone || w.cfg.Fleet.Votes <= 1 {
		w.publishActive(side)
	}
}

// updateStore hands an update to the publisher, merged with one that the publisher has
// not taken yet. It never blocks.
//
// An update that the record already contains is dropped, but only if the publisher is
// idle. Otherwise this could happen:
//  1. The publisher retries an update to blue, because the store fails.
//  2. This client reads a record of another client with green, and follows it.
//  3. The update to green is dropped, as the record contains it.
//  4. The publisher stores the update to blue, and the record stays wrong.
func (w *writer) updateStore(s storeUpdate) {
	s.Writer, s.At, s.read = w.publisher.id, w.now, w.record
	idle := w.published == w.updates
	if w.cfg.Store == nil || idle && len(s.Vetoes) == 0 && !s.movesSides(w.record, w) {
		return
	}
	w.updates++
	s.number = w.updates
	if older, pending := w.takePending(); pending {
		s = s.after(older)
	}
	w.decideUpdate(s)
	w.sent = s
	w.publisher.updates <- s // does not block: the writer is the only sender, and has emptied the buffer
}

// takePending takes back the last update if the publisher has not taken it yet.
func (w *writer) takePending() (older storeUpdate, pending bool) {
	live := false
	select {
	case older = <-w.publisher.updates:
		live = true
	default:
	}
	return older, w.observeBool(observedPending, func() bool { return live })
}
