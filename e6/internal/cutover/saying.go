package cutover

import (
	"slices"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/store"
)

// A saying is to be put on top of the fact in the store. Without an active side it
// leaves the sides as they are there. Its vetoes are added.
type saying struct {
	store.Fact
	first        bool   // only if the store knows nothing yet
	unlessVetoed bool   // only if nobody has a veto on the side
	known        uint64 // the version that was known when it was said
	late         bool   // an attempt to publish it has failed
}

// after is the saying that takes the place of an older one, of which nobody was told.
func (s saying) after(older saying) saying {
	s.Vetoes = append(slices.DeleteFunc(older.Vetoes, s.replaces), s.Vetoes...)
	if !s.Active.Valid() {
		s.Active, s.Announced, s.first, s.unlessVetoed = older.Active, older.Announced, older.first, older.unlessVetoed
	}
	return s
}

// replaces reports whether the saying has a newer veto of the same client on that side.
func (s saying) replaces(v store.Veto) bool {
	return slices.ContainsFunc(s.Vetoes, func(w store.Veto) bool { return w.Side == v.Side && w.Writer == v.Writer })
}

// onTopOf is what is to take the place of present, and whether there is news in it.
func (s saying) onTopOf(present store.Fact) (next store.Fact, news bool) {
	next = present
	next.Writer, next.At = s.Writer, s.At
	if s.movesSides(present) {
		next.Active, next.Announced, news = s.Active, s.Announced, true
		if present.Active.Valid() && present.Active != s.Active {
			next.Epoch++
		}
	}
	next.Vetoes = present.Standing()
	for _, v := range s.Vetoes {
		with, added := next.WithVeto(v)
		next, news = with, news || added
	}
	return next, news
}

// movesSides reports whether what the saying has about the sides is news to a store
// that holds present.
func (s saying) movesSides(present store.Fact) bool {
	switch {
	case !s.Active.Valid():
		return false
	case present.Version == 0:
		return true
	case s.late && present.Version > s.known && present.Writer != s.Writer:
		return false // others have spoken meanwhile, and know better
	case s.unlessVetoed && present.Vetoed(s.Active):
		return false
	case s.Announced.Valid() && present.Active == s.Announced && present.Version > s.known && present.Writer != s.Writer:
		// Another client has gone there since this one read the record. To put the
		// announcement on top would name the old side as active again, and it would stay
		// so: this client finds the record as it should be when it follows, and publishes
		// nothing. A record that this client has read is older than the announcement.
		return false
	}
	return !s.first && (present.Active != s.Active || present.Announced != s.Announced)
}

// tellSettled publishes the side of a detection if the store knew nothing, or
// if the side that it names has just refused.
func (c *Coordinator) tellSettled(side fsm.Side, otherRefused bool) {
	c.say(saying{Fact: store.Fact{Active: side}, first: !otherRefused})
}

// tellActive publishes that a side has accepted and is active now.
func (c *Coordinator) tellActive(side fsm.Side) { c.say(saying{Fact: store.Fact{Active: side}}) }

// tellAnnounced publishes what the cluster announced; what the store itself
// said is not news to it.
func (c *Coordinator) tellAnnounced(a announcement) {
	if a.cause.Reason == fsm.ReasonAnnouncement {
		c.say(saying{Fact: store.Fact{Active: a.speaker, Announced: a.target}})
	}
}

// tellBack publishes that a client has gone back, unless that is because of what it
// alone has seen: then its veto tells the others enough.
func (c *Coordinator) tellBack(side fsm.Side, alone bool) {
	if !alone || c.cfg.Fleet.Votes <= 1 {
		c.tellActive(side)
	}
}

// say leaves a fact for the publisher, instead of an older one that it has not
// taken yet. It never waits.
func (c *Coordinator) say(s saying) {
	s.known = c.share.fact.Version
	if c.cfg.Store == nil || len(s.Vetoes) == 0 && !s.movesSides(c.share.fact) {
		return // nothing that the store has not told us itself
	}
	s.Writer, s.At = c.share.writer, time.Now()
	select {
	case older := <-c.share.said:
		s = s.after(older)
	default:
	}
	c.share.said <- s // the writer is the only sender, so there is room
}
