package debug

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/internal/bubbles"
	"github.com/e6data/e6data-go/internal/stress"
)

func TestStream_HasEveryStepOfACutover(t *testing.T) {
	cluster, client := open(t)
	l := listen(t, serve(t, Handler(client), client))
	require.Equal(t, http.StatusOK, l.status)
	require.Equal(t, "text/event-stream", l.header.Get("Content-Type"))
	require.Equal(t, "no-store", l.header.Get("Cache-Control"))
	var s State
	l.next(t, "state").decode(t, &s)
	require.Equal(t, "blue", s.Strategy.State)
	require.Len(t, s.Transitions, 2)

	require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: e6.Green, Kind: e6test.Abrupt}))
	_, err := client.QueryAll(t.Context(), "SELECT 1")
	require.NoError(t, err)
	seen, steps := s.last(), []string{}
	for len(steps) < 2 {
		var e Event
		l.next(t, "event").decode(t, &e)
		require.Equal(t, seen+1, e.Seq, "no event is missing, and none comes twice")
		seen = e.Seq
		if e.Transition != nil {
			steps = append(steps, e.Transition.From+" "+e.Transition.Trigger+" "+e.Transition.To)
		}
	}
	require.Equal(t, []string{"blue detect detecting", "detecting settle green"}, steps)
	var tick Tick
	l.next(t, "tick").decode(t, &tick)
	require.Equal(t, "green", tick.Strategy.State, "a step is followed by what is the case now")
	require.True(t, tick.Health.Ready)
}

func TestStream_EndsWithTheClientAndAClosedEvent(t *testing.T) {
	_, client := open(t)
	h := Handler(client)
	url := serve(t, h, client)
	l := listen(t, url)
	l.next(t, "state")
	require.NoError(t, client.Close())
	var s State
	l.next(t, "state").decode(t, &s)
	require.True(t, s.Closed)
	l.next(t, "closed")
	l.ended(t)

	late := listen(t, url)
	late.next(t, "state").decode(t, &s)
	require.True(t, s.Closed)
	late.next(t, "closed")
	late.ended(t)
}

func TestStream_LimitsOpenStreamsAndEndsWithItsRequest(t *testing.T) {
	_, client := open(t)
	h := Handler(client)
	url := serve(t, h, client)
	var all []*listener
	for range maxStreams {
		l := listen(t, url)
		l.next(t, "state")
		all = append(all, l)
	}
	refused := listen(t, url)
	require.Equal(t, http.StatusServiceUnavailable, refused.status)
	require.NotEmpty(t, refused.header.Get("Retry-After"))
	require.Equal(t, http.StatusOK, get(t, h, http.MethodGet, "/state.json").Code, "the rest of the page goes on")

	all[0].leave()
	all[0].ended(t)
	streams := h.(*handler).streams
	require.Eventually(t, func() bool { return len(streams) == maxStreams-1 }, stress.Patience, time.Millisecond)
	again := listen(t, url)
	require.Equal(t, http.StatusOK, again.status)
	again.next(t, "state")
	for _, l := range append(all, again) {
		l.leave()
	}
	require.Eventually(t, func() bool { return len(streams) == 0 }, stress.Patience, time.Millisecond)
}

// page is the writing end of a stream in a bubble, where there are no sockets.
type page struct {
	mu     sync.Mutex
	text   strings.Builder
	header http.Header
	gate   chan struct{} // each flush waits for it to be closed, if there is one
	broken error
}

func newPage() *page { return &page{header: http.Header{}} }

func (p *page) Header() http.Header { return p.header }
func (p *page) WriteHeader(int)     {}

func (p *page) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

func (p *page) FlushError() error {
	if p.gate != nil {
		<-p.gate
	}
	return p.broken
}

// messages are those so far.
func (p *page) messages() (all []message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for part := range strings.SplitSeq(strings.TrimSuffix(p.text.String(), "\n\n"), "\n\n") {
		name, data, _ := strings.Cut(part, "\n")
		all = append(all, message{strings.TrimPrefix(name, "event: "), strings.TrimPrefix(data, "data: ")})
	}
	return all
}

func (p *page) names() (all []string) {
	for _, m := range p.messages() {
		all = append(all, m.name)
	}
	return all
}

// openStream runs a stream in a bubble until the function that it returns is called.
func openStream(t *testing.T, h http.Handler, p *page) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "/events", nil)
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.ServeHTTP(p, r)
	}()
	synctest.Wait()
	return func() {
		cancel()
		<-done
	}
}

// inBubble runs a test on a client and a cluster in memory, where time passes
// only while all wait.
func inBubble(t *testing.T, test func(t *testing.T, client *e6.Client)) {
	t.Helper()
	bubbles.Test(t, func(t *testing.T) {
		cluster, err := e6test.Start(e6test.InMemory())
		require.NoError(t, err)
		defer cluster.Close()
		client, err := e6.Open(t.Context(), e6.Config{Address: cluster.Addr(), User: "user@example.com", Token: token}, e6.WithDialer(cluster.Dialer()))
		require.NoError(t, err)
		defer client.Close()
		synctest.Wait() // for the event that it has settled
		test(t, client)
	})
}

func TestStream_SendsATickPerSecondWithTheNewSamples(t *testing.T) {
	inBubble(t, func(t *testing.T, client *e6.Client) {
		h := Handler(client)
		p := newPage()
		defer openStream(t, h, p)()
		require.Equal(t, []string{"state"}, p.names())
		<-time.After(5500 * time.Millisecond)
		require.Equal(t, []string{"state", "tick", "tick", "tick", "tick", "tick"}, p.names())
		require.Equal(t, 5, strings.Count(p.text.String(), `"per_second"`)/2, "each sample is sent once")
	})
}

func TestStream_SendsTheStateAfterEachStep(t *testing.T) {
	inBubble(t, func(t *testing.T, client *e6.Client) {
		p := newPage()
		defer openStream(t, Handler(client), p)()
		require.NoError(t, client.Reset(t.Context()))
		synctest.Wait()
		require.Equal(t, []string{"state", "event", "event", "tick"}, p.names())
		var tick Tick
		p.messages()[3].decode(t, &tick)
		require.Equal(t, "unknown", tick.Strategy.State)
		require.False(t, tick.Health.Ready)
	})
}

func TestStream_SendsTheWholeStateAfterDroppedEvents(t *testing.T) {
	inBubble(t, func(t *testing.T, client *e6.Client) {
		h := Handler(client)
		p := newPage()
		p.gate = make(chan struct{})
		defer openStream(t, h, p)()
		again := func(times int) {
			for range times {
				require.NoError(t, client.Reset(t.Context()))
				_, err := client.QueryAll(t.Context(), "SELECT 1")
				require.NoError(t, err)
			}
		}
		again(streamQueue)
		require.Equal(t, []string{"state"}, p.names(), "it is stuck")
		require.Positive(t, client.Stats().EventsDropped)
		for range 20 {
			p.gate <- struct{}{}
		}
		again(2) // there is room for these, behind the event that counts the dropped ones
		close(p.gate)
		synctest.Wait()
		require.Contains(t, p.names()[1:], "state")
		var seen uint64
		for _, m := range p.messages() {
			switch m.name {
			case "state":
				var s State
				m.decode(t, &s)
				seen = s.last()
			case "event":
				var e Event
				m.decode(t, &e)
				require.Equal(t, seen+1, e.Seq, "the state has what is still in the queue")
				seen = e.Seq
			}
		}
		require.Equal(t, client.History()[len(client.History())-1].Seq, seen)
	})
}

func TestStream_EndsOnAWriteError(t *testing.T) {
	inBubble(t, func(t *testing.T, client *e6.Client) {
		h := Handler(client)
		p := newPage()
		p.broken = errors.New("the connection is gone")
		defer openStream(t, h, p)()
		require.Equal(t, []string{"state"}, p.names())
		require.Empty(t, h.(*handler).streams, "its slot is free again")
	})
}
