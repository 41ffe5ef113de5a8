package e6otel

import (
	"context"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
)

// hooks are the hooks of one client.
type hooks struct {
	inst    *Instrumentation
	current atomic.Pointer[client] // nil before the client is open

	mu      sync.Mutex
	clients map[*e6.Client]*client
}

var (
	_ e6.ClientHook      = (*hooks)(nil)
	_ hook.QueryHook     = (*hooks)(nil)
	_ hook.StepHook      = (*hooks)(nil)
	_ hook.DetectionHook = (*hooks)(nil)
	_ hook.SessionHook   = (*hooks)(nil)
	_ hook.CutoverHook   = (*hooks)(nil)
	_ hook.InlineHook    = (*hooks)(nil)
)

// String names the hooks in events.
func (h *hooks) String() string { return "e6otel" }

// Inline implements hook.InlineHook. The end of a recorded span may block: a processor
// may export the span synchronously.
func (h *hooks) Inline(ctx context.Context, point string) bool {
	switch point {
	case hook.PointQueryStart:
		return h.inst.set.name == nil // a formatter is code of the program and may block
	case hook.PointStepStart:
		return true
	case hook.PointQueryEnd, hook.PointStepEnd:
		q, ok := ctx.Value(queryKey{h}).(*query)
		return ok && !q.recording
	}
	return false
}

// client is an open client with the attributes of its spans and metrics.
type client struct {
	inst    *Instrumentation
	c       *e6.Client
	address string
	host    string
	port    int
	attrs   []attribute.KeyValue // of its server, and those of WithAttributes

	plain           *set    // no attribute but attrs
	sides           [3]*set // by side
	templates       templates
	ended           cache[outcome, *set]
	names           cache[string, string] // of namespaces
	summaries       cache[string, string]
	inFlightQueries inFlightQueries
	running         atomic.Pointer[hook.CutoverStart]
	last            chan struct{}  // closed with the last event
	logged          chan struct{}  // closed when the last event is emitted as a log event
	closing         chan struct{}  // closed when the client is
	traces          sync.WaitGroup // spans of cutovers that wait for queries
}

// ClientOpened implements e6.ClientHook.
func (h *hooks) ClientOpened(c *e6.Client) {
	cl := newClient(h.inst, c)
	h.mu.Lock()
	h.clients[c] = cl
	h.mu.Unlock()
	h.inst.add(cl)
	c.Subscribe(cl.onEvent, events.Lossless(), events.Kinds(counted...))
	cl.logEvents(c)
	h.current.Store(cl)
}

// ClientClosed implements e6.ClientHook. It ends the open spans of cutovers and waits
// until the last event is counted.
func (h *hooks) ClientClosed(c *e6.Client) {
	h.mu.Lock()
	cl := h.clients[c]
	delete(h.clients, c)
	h.mu.Unlock()
	if cl == nil {
		return
	}
	close(cl.closing)
	h.inst.remove(cl)
	<-cl.last
	cl.traces.Wait()
	cl.awaitLogs()
}

func newClient(i *Instrumentation, c *e6.Client) *client {
	cl := &client{inst: i, c: c, address: c.Health().Address, last: make(chan struct{}), closing: make(chan struct{})}
	host, port, err := net.SplitHostPort(cl.address)
	if cl.host = host; err != nil {
		cl.host = cl.address
	}
	cl.port, _ = strconv.Atoi(port)
	cl.attrs = append([]attribute.KeyValue{keyServer.String(cl.host), keyPort.Int(cl.port)}, i.set.attributes...)
	cl.plain = cl.set()
	for side := range cl.sides {
		cl.sides[side] = cl.set(sideOf(keySide, fsm.Side(side)))
	}
	cl.inFlightQueries.init()
	return cl
}

// set is a set of attributes, prepared as an option of every kind of instrument.
type set struct {
	add     []metric.AddOption
	record  []metric.RecordOption
	observe []metric.ObserveOption
}

// set returns the attributes of the client and attrs.
func (c *client) set(attrs ...attribute.KeyValue) *set {
	return newSet(slices.Concat(c.attrs, attrs))
}

func newSet(attrs []attribute.KeyValue) *set {
	o := metric.WithAttributeSet(attribute.NewSet(attrs...))
	return &set{[]metric.AddOption{o}, []metric.RecordOption{o}, []metric.ObserveOption{o}}
}

// side returns the attributes of the client and of a side.
func (c *client) side(s fsm.Side) *set {
	if int(s) < len(c.sides) {
		return c.sides[s]
	}
	return c.sides[fsm.None]
}

func sideOf(k attribute.Key, s fsm.Side) attribute.KeyValue { return k.String(s.String()) }

func seconds(d time.Duration) float64 { return d.Seconds() }
