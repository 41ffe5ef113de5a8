package router

import (
	"slices"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/store"
)

// A saying is to be put on top of the fact in the store. Without an active side it
// leaves the sides as they are there. Its vetoes are added.
type storeUpdate struct {
	store.Record
	first        bool         // only if the store knows nothing yet
	unlessVetoed bool         // only if nobody has a veto on the side
	read         store.Record // the record that this client had read when it was said
	number       uint64       // counts what this client had to say
}

// after is the saying that takes the place of an older one, of which nobody was told.
func (s storeUpdate) after(older storeUpdate) storeUpdate {
	s.Vetoes = append(slices.DeleteFunc(older.Vetoes, s.replaces), s.Vetoes...)
	if !s.Active.Valid() {
		s.Active, s.Announced, s.first, s.unlessVetoed = older.Active, older.Announced, older.first, older.unlessVetoed
	}
	return s
}

// replaces reports whether the saying has a newer veto of the same client on that side.
func (s storeUpdate) replaces(v store.Veto) bool {
	return slices.ContainsFunc(s.Vetoes, func(w store.Veto) bool { return w.Side == v.Side && w.Writer == v.Writer })
}

// onTopOf is what is to take the place of present, and whether there is news in it.
func (s storeUpdate) onTopOf(present store.Record) (next store.Record, news bool) {
	next = present
	next.Writer, next.At = s.Writer, s.At
	if s.movesSides(present) {
		next.Active, next.Announced, news = s.Active, s.Announced, true
		if present.Active.Valid() && present.Active != s.Active {
			next.Epoch++
		}
	}
	next.Vetoes = present.ActiveVetoes()
	for _, v := range s.Vetoes {
		with, added := next.WithVeto(v)
		next, news = with, news || added
	}
	return next, news
}

// movesSides reports whether what the saying has about the sides is news to a store
// that holds present.
func (s storeUpdate) movesSides(present store.Record) bool {
	switch {
	case !s.Active.Valid():
		return false
	case present.Version == 0:
		return true
	case s.first || s.unlessVetoed && present.Vetoed(s.Active) || s.isOvertaken(present):
		return false
	}
	return present.Active != s.Active || present.Announced != s.Announced
}

// isOvertaken reports whether another client has changed the sides of the record since
// this one read it, so that this saying would put old news on top of newer ones. To
// arrive where the record says that the cluster goes is news in any case.
func (s storeUpdate) isOvertaken(present store.Record) bool {
	sameSides := present.Active == s.read.Active && present.Announced == s.read.Announced && present.Epoch == s.read.Epoch
	switch {
	case present.Writer == s.Writer || sameSides:
		return false
	case s.Announced.Valid() && present.Active == s.Announced:
		return true // others have followed the announcement already
	case present.Announced == s.Active && !s.Announced.Valid():
		return false
	case present.At.After(time.Now()): // the other clock is ahead and orders nothing
		return time.Since(s.At) > publishedFresh
	}
	return present.At.After(s.At)
}

// publishedFresh is how old a saying may be that counts as news beside a record whose
// time cannot be compared.
const publishedFresh = time.Second

// publishSettled publishes the side of a detection if the store knew nothing, or
// if the side that it names has just refused.
func (w *writer) publishSettled(side fsm.Side, otherRefused bool) {
	w.updateStore(storeUpdate{Record: store.Record{Active: side}, first: !otherRefused})
}

// publishActive publishes that a side has accepted and is active now.
func (w *writer) publishActive(side fsm.Side) {
	w.updateStore(storeUpdate{Record: store.Record{Active: side}})
}

// publishAnnounced publishes what the cluster announced; what the store itself
// said is not news to it.
func (w *writer) publishAnnounced(a announcement) {
	if a.cause.Reason == fsm.ReasonAnnouncement {
		w.updateStore(storeUpdate{Record: store.Record{Active: a.source, Announced: a.target}})
	}
}

// publishReturn publishes that a client has gone back, unless that is because of what it
// alone has seen: then its veto tells the others enough.
func (w *writer) publishReturn(side fsm.Side, alone bool) {
	if !alone || w.cfg.Fleet.Votes <= 1 {
		w.publishActive(side)
	}
}

// say leaves a fact for the publisher, instead of an older one that it has not
// taken yet. It never waits.
//
// What the store has told this client is not published again, unless the publisher
// still has something older to bring: that would be put on top of the record later,
// and stay there.
func (w *writer) updateStore(s storeUpdate) {
	s.Writer, s.At, s.read = w.publisher.id, time.Now(), w.record
	idle := w.published == w.updates
	if w.cfg.Store == nil || idle && len(s.Vetoes) == 0 && !s.movesSides(w.record) {
		return
	}
	w.updates++
	s.number = w.updates
	select {
	case older := <-w.publisher.updates:
		s = s.after(older)
	default:
	}
	w.publisher.updates <- s // the writer is the only sender, so there is room
}
