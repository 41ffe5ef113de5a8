package e6otel

import (
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/e6data/e6data-go/e6"
)

// mostLinks is how many links the span of a cutover has at the most. It is the
// default limit of OpenTelemetry's SDKs: beyond it they drop the links that came
// first, which are those that matter most.
const mostLinks = 128

// story is what happens to queries in a cutover. All but start is guarded by
// flights.mu until the story is closed.
type story struct {
	start    *e6.CutoverStart
	inFlight []*flight // on the origin at the start

	// The first queries that were lost, run again or begun again, for the links.
	lost, replayed, retried []trace.SpanContext
	// How many queries ended on the origin, moved to the other side, after they
	// had been executed or before, or were lost.
	drained, replays, retries, losses int64

	ended   bool                 // the cutover is over
	waiting map[*flight]struct{} // then: the queries whose fate is not known
	settled chan struct{}        // closed when there is none
}

// concerns reports whether what happens to the query belongs to the story: all
// does during the cutover, and afterwards the fate of those that it left behind.
func (s *story) concerns(q *flight) bool {
	if !s.ended {
		return true
	}
	_, ok := s.waiting[q]
	return ok
}

// moved: the query begins anew on the other side.
func (s *story) moved(q *flight, what fate) {
	if s.concerns(q) {
		s.add(what, q.trace)
		s.known(q)
	}
}

// gone: the query has ended.
func (s *story) gone(q *flight, lost bool) {
	if !s.concerns(q) {
		return
	}
	switch {
	case lost:
		s.add(fateLost, q.trace)
	case q.side == s.start.From:
		s.drained++
	}
	s.known(q)
}

// add counts what became of a query.
func (s *story) add(what fate, query trace.SpanContext) {
	switch what {
	case fateLost:
		s.losses++
		s.lost = appendSome(s.lost, query)
	case fateReplayed:
		s.replays++
		s.replayed = appendSome(s.replayed, query)
	case fateRetried:
		s.retries++
		s.retried = appendSome(s.retried, query)
	}
}

// known: nothing more is to be learned about the query.
func (s *story) known(q *flight) {
	if s.ended {
		delete(s.waiting, q)
		s.settle()
	}
}

func (s *story) settle() {
	if len(s.waiting) > 0 {
		return
	}
	select {
	case <-s.settled:
	default:
		close(s.settled)
	}
}

// appendSome keeps as many as there can be links.
func appendSome(some []trace.SpanContext, t trace.SpanContext) []trace.SpanContext {
	if len(some) < mostLinks && t.IsSampled() {
		some = append(some, t)
	}
	return some
}

// links are the links to queries, the most important ones first. A query has
// one, and one that is in no trace has none.
func (s *story) links(most int) (links []trace.Link) {
	seen := make(map[trace.SpanID]bool)
	add := func(t trace.SpanContext, as attribute.KeyValue) {
		if len(links) < most && t.IsSampled() && !seen[t.SpanID()] {
			seen[t.SpanID()] = true
			links = append(links, trace.Link{SpanContext: t, Attributes: []attribute.KeyValue{as}})
		}
	}
	for _, t := range s.lost {
		add(t, keyLink.String("lost"))
	}
	for _, t := range s.replayed {
		add(t, keyLink.String("replayed"))
	}
	for _, t := range s.retried {
		add(t, keyLink.String("retried"))
	}
	for _, q := range s.inFlight {
		add(q.trace, keyLink.String("in_flight"))
	}
	return links
}
