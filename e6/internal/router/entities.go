package router

import (
	"context"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
)

// An entity is work that the writer has started and whose messages name it by its pointer.
// In a record it has a number.
type entityOf[T any] interface {
	*T
	// number is the field with the number.
	number() *uint64
	// restore sets what a replay needs of an entity that is older than its record.
	restore()
}

// entities are the entities of a replay by their numbers.
type entities map[uint64]any

// newID numbers an entity.
func (w *writer) newID(e any) uint64 {
	w.ids++
	if w.replaying != nil {
		w.replaying.known[w.ids] = e
	}
	return w.ids
}

func (d *detection) number() *uint64    { return &d.id }
func (t *transition) number() *uint64   { return &t.id }
func (k *check) number() *uint64        { return &k.id }
func (v *verification) number() *uint64 { return &v.id }
func (p *probation) number() *uint64    { return &p.id }
func (r *rollback) number() *uint64     { return &r.id }
func (s *stage) number() *uint64        { return &s.id }

func (d *detection) restore() {
	d.refused = make(map[fsm.Side]bool)
	d.ctx, d.cancel = context.WithCancelCause(context.Background())
}

func (t *transition) restore() {
	t.ctx, t.cancel = context.WithCancel(context.Background())
	t.held.ctx, t.held.set = context.WithCancel(t.ctx)
	t.timer, t.shared = stopped(), func() {}
	t.wake, t.ready, t.over = make(chan struct{}, 1), make(chan struct{}), make(chan struct{})
}
func (k *check) restore()        { k.done = make(chan struct{}) }
func (v *verification) restore() { v.concluded = make(chan struct{}) }
func (p *probation) restore()    {}
func (r *rollback) restore()     { r.done = make(chan struct{}) }
func (s *stage) restore()        { s.timer = stopped() }

// stopped is a timer that does nothing.
func stopped() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}

// entity is a field with an entity, or nil. fields are those that a record has for it: the
// writer reads them even if the entity is older than the record.
func entity[T any, P entityOf[T]](c *codec, name string, v *P, fields func(P)) {
	var id uint64
	if c.mode != reading && *v != nil {
		id = *(*v).number()
	}
	if c.mode != describing || id != 0 {
		c.uint(name, &id)
	}
	if c.mode != reading {
		if fields != nil && id != 0 {
			fields(*v)
		}
		return
	}
	if *v = nil; id == 0 {
		return
	}
	into := P(new(T))
	into.restore()
	*into.number() = id
	known, ok := c.known[id].(P)
	if ok {
		*v = known
	} else {
		*v = into
		c.known[id] = into
	}
	if fields != nil {
		fields(into) // read in any case; a known entity has its own values
	}
}

// fields of messages about entities that may be older than the record.

func (c *codec) check(k *check) {
	c.side("side", &k.side)
	c.uint("epoch", &k.epoch)
	c.bool("suspect", &k.suspect)
}

func (c *codec) rollback(r *rollback) {
	c.uint("epoch", &r.epoch)
	c.side("from", &r.from)
	c.cause("rollback", &r.cause)
	c.count("failed", &r.failed)
}

// session is a session id. It is a secret, so that a record does not hold it.
func (c *codec) session(v *string) {
	if c.mode == reading {
		*v = "a session"
	}
}

func (c *codec) announcement(a *announcement) {
	c.side("source", &a.source)
	c.side("target", &a.target)
	c.stamp("at", &a.at)
	c.cause("cause", &a.cause)
}

// fields is the state of the writer: what its next decisions depend on, apart from
// observations.
func (w *writer) fields(c *codec) {
	c.snapshotOf(w)
	c.bool("held", &w.held)
	c.bool("closing", &w.closing)
	c.uint("failures", &w.failures)
	c.side("last_known", &w.lastKnown)
	c.side("served", &w.served)
	c.bool("has_settled", &w.hasSettled)
	c.uint("ids", &w.ids)
	c.time("rolled_back", &w.rolledBack)
	optional(c, "suspicion", &w.suspicion, c.suspicion)
	entity(c, "detection", &w.detection, c.detection)
	entity(c, "transition", &w.transition, c.transition)
	entity(c, "check", &w.check, c.check)
	entity(c, "rollback", &w.rollback, c.rollback)
	entity(c, "later", &w.later, c.rollback)
	entity(c, "upcoming", &w.upcoming, c.probation)
	p := w.probation.Load()
	entity(c, "probation", &p, c.probation)
	if c.mode == reading {
		w.probation.Store(p)
	}
	entity(c, "stage", &w.stage, c.stage)
	for _, side := range fsm.Sides {
		inMap(c, "received", w.received, side, c.announcement)
		inMap(c, "stale", w.stale, side, c.announcement)
		d := w.suppressed[side]
		optional(c, "suppressed", &d, c.suppression)
		if d != nil {
			w.suppressed[side] = d
		}
	}
	c.count("damping.changes", &w.damping.changes)
	c.time("damping.last", &w.damping.last)
	c.time("damping.until", &w.damping.until)
	c.record(&w.record)
	c.uint("updates", &w.updates)
	c.uint("published", &w.published)
	c.update(&w.sent)
	if c.mode == reading && w.sent.number > 0 {
		w.publisher.updates <- w.sent // whether it is still there is an observation
	}
}

// inMap is a field with the value of a side, if there is one.
func inMap[T any](c *codec, name string, m map[fsm.Side]T, side fsm.Side, fields func(*T)) {
	var v *T
	if value, ok := m[side]; ok {
		v = &value
	}
	optional(c, name, &v, fields)
	if v != nil && c.mode == reading {
		m[side] = *v
	}
}

func (c *codec) snapshotOf(w *writer) {
	s := w.machine.Snapshot()
	c.snapshot(&s)
	if c.mode == reading && c.err == nil {
		machine, err := fsm.Restore(s)
		if err != nil {
			c.fail(err)
			return
		}
		w.machine = machine
	}
}

func (c *codec) snapshot(s *fsm.Snapshot) {
	small(c, "state", &s.State)
	small(c, "phase", &s.Phase)
	c.side("active", &s.Active)
	c.side("target", &s.Target)
	c.uint("epoch", &s.Epoch)
	c.uint("transition", &s.Transition)
	c.time("since", &s.Since)
	c.cause("cause", &s.Cause)
}

func (c *codec) suspicion(s *suspicion) {
	c.time("at", &s.at)
	c.cause("cause", &s.cause)
	c.int("in_flight", &s.inFlight)
}

func (c *codec) suppression(d *suppression) {
	small(c, "reason", &d.reason)
	c.uint("epoch", &d.epoch)
	c.time("until", &d.until)
	c.count("strikes", &d.strikes)
}

func (c *codec) detection(d *detection) {
	c.side("from", &d.from)
	c.side("first", &d.first)
	c.bool("initial", &d.initial)
	c.cause("cause", &d.cause)
	c.suspicion(&d.sign)
}

func (c *codec) probation(p *probation) {
	c.side("side", &p.side)
	c.uint("epoch", &p.epoch)
	c.time("until", &p.until)
}

func (c *codec) stage(s *stage) {
	c.side("side", &s.side)
	c.time("began", &s.began)
}

func (c *codec) update(s *storeUpdate) {
	c.record(&s.Record)
	c.bool("first", &s.first)
	c.bool("unless_vetoed", &s.unlessVetoed)
	c.record(&s.read)
	c.uint("number", &s.number)
}

func (c *codec) transition(t *transition) {
	s := &t.start
	c.uint("id", &s.ID)
	small(c, "event", &s.Event)
	text(c, "change", &s.Change)
	c.side("from", &s.From)
	c.side("to", &s.To)
	c.cause("cause", &s.Cause)
	c.time("at", &s.At)
	c.int("in_flight", &s.InFlight)
	c.duration("limit", &s.Limit)
	optional(c, "back", &t.back, func(v *fsm.Cause) { c.cause("back", v) })
	c.bool("staged", &t.staged)
	c.bool("suspected", &t.suspected)
	entity(c, "verification", &t.verification, nil)
	c.bool("origin_suspected", &t.originSuspected)
	c.time("accepted", &t.accepted)
	ready := isClosed(t.ready)
	c.bool("ready", &ready)
	if ready && c.mode == reading {
		close(t.ready)
	}
}

// isClosed reports whether a channel without values is closed.
func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// config is what a replay needs to know of a configuration.
func (c *codec) config(cfg *Config, client *string) {
	text(c, "client", client)
	c.side("prefer", &cfg.Prefer)
	c.duration("probe_timeout", &cfg.ProbeTimeout)
	c.duration("detection_timeout", &cfg.DetectionTimeout)
	c.duration("prepare_timeout", &cfg.PrepareTimeout)
	c.duration("shared_timeout", &cfg.SharedTimeout)
	c.duration("drain_timeout", &cfg.DrainTimeout)
	c.duration("refresh_interval", &cfg.RefreshInterval)
	c.duration("health_window", &cfg.HealthWindow)
	c.bool("fleet.present", &cfg.Fleet.Present)
	c.duration("fleet.jitter", &cfg.Fleet.Jitter)
	c.float("fleet.stage_share", &cfg.Fleet.StageShare)
	c.duration("fleet.stage_time", &cfg.Fleet.StageTime)
	c.duration("fleet.stage_timeout", &cfg.Fleet.StageTimeout)
	c.count("fleet.votes", &cfg.Fleet.Votes)
	c.bool("policy.automatic", &cfg.Policy.Automatic)
	c.int("policy.min_requests", &cfg.Policy.MinRequests)
	c.float("policy.error_rate", &cfg.Policy.ErrorRate)
	c.float("policy.latency_ratio", &cfg.Policy.LatencyRatio)
	c.duration("policy.probation", &cfg.Policy.Probation)
	c.duration("policy.cool_down", &cfg.Policy.CoolDown)
	hasStore, reports, shares := cfg.Store != nil, cfg.Hooks.Cutover != nil, cfg.Hooks.WaitShared != nil
	c.bool("store", &hasStore)
	c.bool("cutover_hooks", &reports)
	c.bool("selectors", &shares)
	if c.mode == reading {
		cfg.replaceOutside(hasStore, reports, shares)
	}
}
