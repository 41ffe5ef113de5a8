package debug

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/e6data/e6data-go/e6/events"
)

const (
	// streamQueue is how many events may wait for one page.
	streamQueue = 256
	// writeTimeout ends the stream of a page that takes nothing any more.
	writeTimeout = 10 * time.Second
)

// serveStream sends what happens until the request or the client ends.
func (h *handler) serveStream(w http.ResponseWriter, r *http.Request) {
	select {
	case h.streams <- struct{}{}:
		defer func() { <-h.streams }()
	default:
		w.Header().Set("Retry-After", "5")
		http.Error(w, fmt.Sprintf("there are %d open pages already: close one", maxStreams), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // proxies that collect answers must not
	if r.Method == http.MethodHead {
		return
	}
	s := &stream{w: w, control: http.NewResponseController(w)}
	defer s.forever()
	h.follow(r.Context(), s)
}

// follow sends the state and what changes afterwards. The subscription comes
// first, so that nothing is missed in between; what was seen in the state is
// left out by its number.
func (h *handler) follow(ctx context.Context, s *stream) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	incoming := make(chan events.Event)
	defer h.client.Subscribe(func(e events.Event) {
		select {
		case incoming <- e:
		case <-ctx.Done():
		}
	}, events.Queue(streamQueue))()

	seen, sampled := h.sendState(s, time.Time{})
	fresh := h.sampler.next()
	for s.err == nil {
		select {
		case <-ctx.Done():
			return
		case <-h.sampler.over:
			// The last events may still be in the queue; the state has them.
			h.sendState(s, sampled)
			s.send("closed", struct{}{})
			return
		case <-fresh:
			fresh = h.sampler.next()
			sampled = h.sendTick(s, sampled)
		case e := <-incoming:
			switch {
			case e.Kind() == events.KindEventsDropped:
				seen, sampled = h.sendState(s, sampled)
			case e.Seq > seen:
				seen = e.Seq
				s.send("event", eventOf(e))
				if e.Kind() == events.KindTransition {
					sampled = h.sendTick(s, sampled)
				}
			}
		}
	}
}

// sendState sends a State, and returns the number of its last event and the time
// of the last sample that was sent.
func (h *handler) sendState(s *stream, sampled time.Time) (uint64, time.Time) {
	state := h.state(sampled)
	s.send("state", state)
	return state.last(), lastOf(state.Samples, sampled)
}

func (h *handler) sendTick(s *stream, sampled time.Time) time.Time {
	tick := h.tick(sampled)
	s.send("tick", tick)
	return lastOf(tick.Samples, sampled)
}

func lastOf(samples []Sample, before time.Time) time.Time {
	if len(samples) == 0 {
		return before
	}
	return samples[len(samples)-1].Time
}

// stream writes messages to one page, until the first error.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	err     error
}

// send writes a message. JSON has no line breaks of its own, so that the data is
// one line, as it must be.
func (s *stream) send(name string, data any) {
	if s.err != nil {
		return
	}
	var body []byte
	if body, s.err = json.Marshal(data); s.err != nil {
		return
	}
	// A writer without deadlines waits for as long as its reader does.
	if err := s.control.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		s.err = err
		return
	}
	if _, s.err = fmt.Fprintf(s.w, "event: %s\ndata: %s\n\n", name, body); s.err == nil {
		s.err = s.control.Flush()
	}
}

// forever takes the deadline back, for the next request of the connection.
func (s *stream) forever() { _ = s.control.SetWriteDeadline(time.Time{}) }
