package router

import (
	"reflect"
)

// messages lists every type of message: its name in a record, and how a replay creates it.
// The number of a message in a record is its place in the list: add new ones at the end.
var messages = []struct {
	name string
	make func() message
}{
	{"announced", func() message { return new(announced) }},
	{"unpinned", func() message { return new(unpinned) }},
	{"ended", func() message { return new(ended) }},
	{"refused", func() message { return new(refused) }},
	{"unanswered", func() message { return new(unanswered) }},
	{"verdict_awaited", func() message { return new(verdictAwaited) }},
	{"side_needed", func() message { return new(sideNeeded) }},
	{"health_breached", func() message { return new(healthBreached) }},
	{"detected", func() message { return new(detected) }},
	{"detection_failed", func() message { return new(detectionFailed) }},
	{"session_needed", func() message { return new(sessionNeeded) }},
	{"session_opened", func() message { return new(sessionOpened) }},
	{"checked", func() message { return new(checked) }},
	{"refresh_due", func() message { return new(refreshDue) }},
	{"target_accepted", func() message { return new(targetAccepted) }},
	{"target_not_ready", func() message { return new(targetNotReady) }},
	{"target_ready", func() message { return new(targetReady) }},
	{"guards_decided", func() message { return new(guardsDecided) }},
	{"prepare_timed_out", func() message { return new(prepareTimedOut) }},
	{"drain_timed_out", func() message { return new(drainTimedOut) }},
	{"shared_phase_ended", func() message { return new(sharedPhaseEnded) }},
	{"shared_origin_probed", func() message { return new(sharedOriginProbed) }},
	{"target_healthy", func() message { return new(targetHealthy) }},
	{"origin_probed", func() message { return new(originProbed) }},
	{"verification_ended", func() message { return new(verificationEnded) }},
	{"switch_requested", func() message { return new(switchRequested) }},
	{"rollback_requested", func() message { return new(rollbackRequested) }},
	{"rollback_probed", func() message { return new(rollbackProbed) }},
	{"rollback_retry_due", func() message { return new(rollbackRetryDue) }},
	{"refresh_requested", func() message { return new(refreshRequested) }},
	{"reset_requested", func() message { return new(resetRequested) }},
	{"close_requested", func() message { return new(closeRequested) }},
	{"record_read", func() message { return new(recordRead) }},
	{"record_published", func() message { return new(recordPublished) }},
	{"stage_held", func() message { return new(stageHeld) }},
}

// numbers has the number of each type of message.
var numbers = func() map[reflect.Type]int {
	m := make(map[reflect.Type]int, len(messages))
	for i, d := range messages {
		m[reflect.TypeOf(d.make()).Elem()] = i
	}
	return m
}()

// numberOf returns the number of a message, and false for a message of a test.
func numberOf(m message) (int, bool) {
	t := reflect.TypeOf(m)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	n, ok := numbers[t]
	return n, ok
}

func nameOf(m message) string {
	if n, ok := numberOf(m); ok {
		return messages[n].name
	}
	return "unknown"
}

func (m *announced) fields(c *codec) {
	c.announcement(&m.announcement)
}
func (unpinned) fields(*codec) {}
func (ended) fields(*codec)    {}

func (m *refused) fields(c *codec) {
	c.side("side", &m.side)
	c.stamp("at", &m.at)
	c.cause("cause", &m.cause)
}

func (m *unanswered) fields(c *codec) {
	c.side("side", &m.side)
	c.stamp("at", &m.at)
	c.cause("cause", &m.cause)
	c.bool("silent", &m.silent)
}
func (m *verdictAwaited) fields(c *codec) { c.side("side", &m.side) }
func (m *sideNeeded) fields(c *codec)     { c.cause("cause", &m.cause) }

func (m *healthBreached) fields(c *codec) {
	entity(c, "probation", &m.probation, nil)
	text(c, "reason", &m.reason)
	c.int("requests", &m.requests)
	c.int("failures", &m.failures)
}

// The sessions of detected and targetAccepted are secrets: a replay takes another text.

func (m *detected) fields(c *codec) {
	entity(c, "detection", &m.detection, nil)
	c.side("side", &m.side)
	c.duration("took", &m.took)
	c.bool("other_refused", &m.otherRefused)
	c.session(&m.session)
}

func (m *detectionFailed) fields(c *codec) {
	entity(c, "detection", &m.detection, nil)
	text(c, "reason", &m.reason)
	text(c, "error", &m.text)
	if c.mode == reading {
		m.report = &recordedError{text: m.text}
	}
}

// The opening of sessionNeeded belongs to the callers: the writer only passes it on.
func (m *sessionNeeded) fields(c *codec) {
	c.side("side", &m.side)
	c.cause("cause", &m.cause)
	c.duration("pause", &m.pause)
}
func (sessionOpened) fields(*codec) {}

func (m *checked) fields(c *codec) {
	entity(c, "check", &m.check, c.check)
	c.error("error", &m.err)
	c.cause("cause", &m.cause)
}
func (refreshDue) fields(*codec) {}

func (m *targetAccepted) fields(c *codec) {
	entity(c, "transition", &m.transition, nil)
	c.duration("took", &m.took)
	c.session(&m.session)
}

func (m *targetNotReady) fields(c *codec) {
	entity(c, "transition", &m.transition, nil)
	c.error("error", &m.err)
	c.bool("held", &m.held)
}
func (m *targetReady) fields(c *codec) { entity(c, "transition", &m.transition, nil) }

func (m *guardsDecided) fields(c *codec) {
	entity(c, "transition", &m.transition, nil)
	c.bool("veto", &m.decision.Veto)
	text(c, "reason", &m.decision.Reason)
	c.duration("delay", &m.decision.Delay)
	text(c, "by", &m.decision.By)
	c.duration("took", &m.took)
}
func (m *prepareTimedOut) fields(c *codec) { entity(c, "transition", &m.transition, nil) }
func (m *drainTimedOut) fields(c *codec)   { entity(c, "transition", &m.transition, nil) }

func (m *sharedPhaseEnded) fields(c *codec) {
	entity(c, "transition", &m.transition, nil)
	c.cause("cause", &m.cause)
}

func (m *sharedOriginProbed) fields(c *codec) {
	entity(c, "transition", &m.transition, nil)
	c.bool("accepts", &m.accepts)
	c.cause("cause", &m.cause)
}
func (m *targetHealthy) fields(c *codec) { entity(c, "transition", &m.transition, nil) }

func (m *originProbed) fields(c *codec) {
	entity(c, "transition", &m.transition, nil)
	c.bool("accepts", &m.accepts)
	c.bool("target_refuses", &m.targetRefuses)
	c.cause("cause", &m.cause)
}
func (m *verificationEnded) fields(c *codec) { entity(c, "verification", &m.verification, nil) }

func (m *switchRequested) fields(c *codec) {
	c.side("side", &m.side)
	c.cause("cause", &m.cause)
}
func (m *rollbackRequested) fields(c *codec) { c.cause("cause", &m.cause) }

func (m *rollbackProbed) fields(c *codec) {
	entity(c, "rollback", &m.rollback, c.rollback)
	c.error("error", &m.err)
}
func (m *rollbackRetryDue) fields(c *codec) { entity(c, "rollback", &m.rollback, nil) }
func (m *refreshRequested) fields(c *codec) { c.cause("cause", &m.cause) }
func (m *resetRequested) fields(c *codec)   { c.cause("cause", &m.cause) }
func (closeRequested) fields(*codec)        {}
func (m *recordRead) fields(c *codec)       { c.record(&m.record) }

func (m *recordPublished) fields(c *codec) {
	c.uint("update", &m.update)
	c.record(&m.record)
}
func (m *stageHeld) fields(c *codec) { entity(c, "stage", &m.stage, nil) }
