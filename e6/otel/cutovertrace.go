package e6otel

import (
	"github.com/e6data/e6data-go/e6/hook"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// mostLinks is the maximum number of links of a cutover's span. It is the default limit
// of OpenTelemetry's SDKs: when there are more, they drop the first ones, which are the
// most important here.
const mostLinks = 128

// cutoverTrace records the effects of a cutover on queries. All fields except start are
// guarded by inFlightQueries.mu until close.
type cutoverTrace struct {
	start    *hook.CutoverStart
	inFlight []*inFlightQuery // on the origin at the start

	// The first queries that were lost, replayed and retried, for the links.
	lost, replayed, retried []trace.SpanContext
	// The numbers of queries that ended on the origin, that were replayed (after they
	// had been executed), retried (before that), and lost.
	drained, replays, retries, losses int64

	ended   bool                        // the cutover is over
	waiting map[*inFlightQuery]struct{} // then: the queries whose fate is not known
	settled chan struct{}               // closed when there is none
}

// includes reports whether an effect on the query belongs to the cutover: every effect
// during it, and after it only the effects on the queries that it left in flight.
func (s *cutoverTrace) includes(q *inFlightQuery) bool {
	if !s.ended {
		return true
	}
	_, ok := s.waiting[q]
	return ok
}

// queryMoved records that the query was retried or replayed on the other side.
func (s *cutoverTrace) queryMoved(q *inFlightQuery, what effect) {
	if s.includes(q) {
		s.add(what, q.trace)
		s.resolved(q)
	}
}

// queryEnded records that the query has ended.
func (s *cutoverTrace) queryEnded(q *inFlightQuery, lost bool) {
	if !s.includes(q) {
		return
	}
	switch {
	case lost:
		s.add(effectLost, q.trace)
	case q.side == s.start.From:
		s.drained++
	}
	s.resolved(q)
}

// add counts an effect on a query.
func (s *cutoverTrace) add(what effect, query trace.SpanContext) {
	switch what {
	case effectLost:
		s.losses++
		s.lost = appendSome(s.lost, query)
	case effectReplayed:
		s.replays++
		s.replayed = appendSome(s.replayed, query)
	case effectRetried:
		s.retries++
		s.retried = appendSome(s.retried, query)
	}
}

// resolved records that the result of the query is known.
func (s *cutoverTrace) resolved(q *inFlightQuery) {
	if s.ended {
		delete(s.waiting, q)
		s.settle()
	}
}

func (s *cutoverTrace) settle() {
	if len(s.waiting) > 0 {
		return
	}
	select {
	case <-s.settled:
	default:
		close(s.settled)
	}
}

// appendSome appends up to mostLinks.
func appendSome(some []trace.SpanContext, t trace.SpanContext) []trace.SpanContext {
	if len(some) < mostLinks && t.IsSampled() {
		some = append(some, t)
	}
	return some
}

// links are the links to queries, the most important ones first. A query has at most
// one, and none if it is not sampled.
func (s *cutoverTrace) links(most int) (links []trace.Link) {
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
