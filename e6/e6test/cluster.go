package e6test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"google.golang.org/grpc/test/bufconn"

	"github.com/e6data/e6data-go/e6/fsm"
)

// Cluster is a running cluster. Its methods may be called by any goroutine.
type Cluster struct {
	set       settings
	sides     map[fsm.Side]*side
	listener  net.Listener
	listeners map[fsm.Side]net.Listener // the engines' own
	servers   []*http.Server
	served    sync.WaitGroup
	handling  sync.WaitGroup // calls
	closing   sync.Once
	counts    counts
	faults    faults
	script    script

	ctx    context.Context
	cancel context.CancelFunc

	mu        sync.Mutex
	open      map[fsm.Side]bool // on the first replica of the ingress
	openings  []opening         // if there are several replicas
	accepted  int               // connections
	announced fsm.Side
	admission Admission
	status    string // of the cluster: active, suspended, resuming
	resuming  *time.Timer
	latency   map[fsm.Side]time.Duration
	unhealthy map[fsm.Side]bool
	conns     map[net.Conn]struct{}
	closed    bool
}

var _ io.Closer = (*Cluster)(nil)

// Start serves a cluster until Close. It fails if the options are wrong, with all
// invalid ones in its error, or if it cannot listen.
func Start(opts ...Option) (*Cluster, error) {
	c := &Cluster{
		set:       settings{listen: "127.0.0.1:0", active: fsm.Blue, batchRows: 1000, chunks: 3, newFetch: true, maxStreams: 100, replicas: 1},
		listeners: make(map[fsm.Side]net.Listener), status: "active",
		latency: make(map[fsm.Side]time.Duration), unhealthy: make(map[fsm.Side]bool), conns: make(map[net.Conn]struct{}),
	}
	for _, opt := range opts {
		opt(&c.set)
	}
	if err := c.set.validate(); err != nil {
		return nil, fmt.Errorf("e6test: start: %w", err)
	}
	if c.set.engine == nil {
		c.set.engine = NewCannedEngine()
	}
	c.counts.init()
	c.open = map[fsm.Side]bool{c.set.active: true}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.sides = map[fsm.Side]*side{fsm.Blue: newSide(c, fsm.Blue), fsm.Green: newSide(c, fsm.Green)}
	if err := c.listen(); err != nil {
		c.cancel()
		c.closeListeners()
		return nil, fmt.Errorf("e6test: start: %w", err)
	}
	c.serve(c.listener, http.HandlerFunc(c.ingress))
	for s, l := range c.listeners {
		c.serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.engine(s, w, r) }))
	}
	return c, nil
}

func (c *Cluster) listen() (err error) {
	if c.set.memory {
		c.listener = bufconn.Listen(64 << 10)
		return nil
	}
	if c.listener, err = net.Listen("tcp", c.set.listen); err != nil {
		return err
	}
	for s, addr := range c.set.engines {
		if c.listeners[s], err = net.Listen("tcp", addr); err != nil {
			delete(c.listeners, s)
			return err
		}
	}
	return nil
}

func (c *Cluster) closeListeners() {
	if c.listener != nil {
		_ = c.listener.Close()
	}
	for _, l := range c.listeners {
		_ = l.Close()
	}
}

// serve answers HTTP/2 on a listener, over TLS or in clear text.
func (c *Cluster) serve(l net.Listener, h http.Handler) {
	var protocols http.Protocols
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	s := &http.Server{
		Handler: c.counted(h), Protocols: &protocols, TLSConfig: c.set.tls,
		ConnState: c.track,
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			c.mu.Lock()
			replica := c.accepted % c.set.replicas
			c.accepted++
			c.mu.Unlock()
			return context.WithValue(context.WithValue(ctx, connKey{}, conn), replicaKey{}, replica)
		},
		ErrorLog: discardLog,
		HTTP2:    &http.HTTP2Config{MaxConcurrentStreams: c.set.maxStreams, MaxReceiveBufferPerStream: 4 << 20, MaxReceiveBufferPerConnection: 16 << 20},
	}
	c.servers = append(c.servers, s)
	c.served.Go(func() {
		if c.set.tls != nil {
			_ = s.ServeTLS(l, "", "")
			return
		}
		_ = s.Serve(l)
	})
}

// counted lets Close wait for the calls that are being answered, and answers
// none that comes later: the reader of a broken connection may still have some.
func (c *Cluster) counted(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		closed := c.closed
		if !closed {
			c.handling.Add(1)
		}
		c.mu.Unlock()
		if closed {
			panic(http.ErrAbortHandler)
		}
		defer c.handling.Done()
		h.ServeHTTP(w, r)
	})
}

type connKey struct{}

// track keeps the list of connections, so that they can be dropped.
func (c *Cluster) track(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateNew:
		c.conns[conn] = struct{}{}
	case http.StateClosed, http.StateHijacked:
		delete(c.conns, conn)
	}
}

// Addr is the address of the ingress, as a client is given it.
func (c *Cluster) Addr() string {
	if c.set.memory {
		return "cluster.test:80"
	}
	return c.listener.Addr().String()
}

// EngineAddr is the address of a side's engine without the ingress, and empty
// without WithEngineListeners.
func (c *Cluster) EngineAddr(side fsm.Side) string {
	if l := c.listeners[side]; l != nil {
		return l.Addr().String()
	}
	return ""
}

// Dialer connects to the ingress. It ignores the address.
func (c *Cluster) Dialer() func(ctx context.Context, addr string) (net.Conn, error) {
	return func(ctx context.Context, _ string) (net.Conn, error) {
		if l, ok := c.listener.(*bufconn.Listener); ok {
			return l.DialContext(ctx)
		}
		return new(net.Dialer).DialContext(ctx, "tcp", c.listener.Addr().String())
	}
}

// DropConnections closes every connection, without GOAWAY. The calls of both
// sides share the connections of the ingress.
func (c *Cluster) DropConnections() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.conns {
		breakOff(conn)
	}
}

// Close ends the cluster and waits until nothing of it is left: no call, no
// execution, no query. It is idempotent, and must not be called by the Engine.
// The error is always nil.
func (c *Cluster) Close() error {
	c.closing.Do(func() {
		c.mu.Lock()
		c.closed = true
		c.cancelResume()
		c.mu.Unlock()
		// The connections are closed first: no client receives the errors of the rest.
		for _, s := range c.servers {
			_ = s.Close()
		}
		c.DropConnections()
		c.cancel()
		c.served.Wait()
		c.handling.Wait()
		for _, s := range c.sides {
			s.forget()
			s.running.Wait()
			s.grpc.Stop()
		}
	})
	return nil
}
