package conformance

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// An upstream stands between the ingress and one engine. It passes HTTP/2 calls on, breaks
// the ones it is set to break, and counts what the ingress sends: the engine refuses a
// second execution of a query, so a repetition is visible here only.
type upstream struct {
	addr      string
	idle      time.Duration // how long a connection without calls lives; 0 sets no limit
	transport *http.Transport
	proxy     *httputil.ReverseProxy

	mu       sync.Mutex
	server   *http.Server
	conns    map[net.Conn]struct{}
	opened   int // connections, ever
	faults   []*fault
	executes map[string]int // executeStatement calls by query id
}

// A fault breaks the next calls of one method.
type fault struct {
	method string
	times  int
	action action
	hits   int
}

type action uint8

const (
	// resetBefore resets the stream before the engine has the call.
	resetBefore action = 1 + iota
	// resetAfter resets it after the call had its effect, before the response's headers.
	resetAfter
	// resetAfterHeaders resets it between the headers and the message of the response.
	resetAfterHeaders
	// silence never answers, and the engine never has the call.
	silence
	// closeConn closes the connection after the call had its effect.
	closeConn
)

type connKey struct{}

func newUpstream(t testing.TB, engine string, idle time.Duration) *upstream {
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	u := &upstream{
		idle:      idle,
		transport: &http.Transport{Protocols: protocols},
		conns:     map[net.Conn]struct{}{}, executes: map[string]int{},
	}
	quiet := log.New(io.Discard, "", 0)
	u.proxy = &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: engine}) },
		Transport:     u.transport,
		FlushInterval: -1,
		ErrorLog:      quiet,
		ErrorHandler:  func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	u.start(t)
	t.Cleanup(func() {
		u.stop()
		u.transport.CloseIdleConnections()
	})
	return u
}

// start listens; after a stop, at the address that it had.
func (u *upstream) start(t testing.TB) {
	addr := u.addr
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", addr)
	require.NoError(t, err)
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{
		Handler: u, Protocols: protocols, ErrorLog: log.New(io.Discard, "", 0), IdleTimeout: u.idle,
		HTTP2: &http.HTTP2Config{MaxConcurrentStreams: 1000},
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, c)
		},
		ConnState: func(c net.Conn, s http.ConnState) {
			u.mu.Lock()
			defer u.mu.Unlock()
			switch s {
			case http.StateNew:
				u.conns[c] = struct{}{}
				u.opened++
			case http.StateClosed:
				delete(u.conns, c)
			}
		},
	}
	u.mu.Lock()
	u.addr, u.server = l.Addr().String(), server
	u.mu.Unlock()
	go func() { _ = server.Serve(l) }()
}

// stop closes the listener and every connection: further connections are refused.
func (u *upstream) stop() {
	u.mu.Lock()
	server := u.server
	u.mu.Unlock()
	_ = server.Close()
	u.drop()
}

// drop closes every connection without a GOAWAY.
func (u *upstream) drop() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for c := range u.conns {
		_ = c.Close()
	}
	clear(u.conns)
}

// inject breaks the next times calls of a method.
func (u *upstream) inject(method string, times int, a action) *fault {
	u.mu.Lock()
	defer u.mu.Unlock()
	f := &fault{method: method, times: times, action: a}
	u.faults = append(u.faults, f)
	return f
}

// hits is how many calls the fault has hit.
func (u *upstream) hits(f *fault) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return f.hits
}

// connections is how many connections the ingress has opened.
func (u *upstream) connections() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.opened
}

// heal removes every fault.
func (u *upstream) heal() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.faults = nil
}

// executions returns how often each query was executed, as the ingress sent it.
func (u *upstream) executions() map[string]int {
	u.mu.Lock()
	defer u.mu.Unlock()
	all := map[string]int{}
	for id, n := range u.executes {
		all[id] = n
	}
	return all
}

// note counts the call, and returns what is to happen to it.
func (u *upstream) note(method string, body []byte) action {
	u.mu.Lock()
	defer u.mu.Unlock()
	if strings.HasPrefix(method, "executeStatement") && len(body) > 5 {
		var r e6xv1.ExecuteStatementRequest // V2 has the query's id in the same field
		if proto.Unmarshal(body[5:], &r) == nil {
			u.executes[r.GetQueryId()]++
		}
	}
	for _, f := range u.faults {
		if f.hits < f.times && (f.method == "" || strings.TrimSuffix(method, "V2") == f.method) {
			f.hits++
			return f.action
		}
	}
	return 0
}

// ServeHTTP implements http.Handler.
func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	switch u.note(r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:], body) {
	case resetBefore:
		panic(http.ErrAbortHandler)
	case resetAfter:
		u.proxy.ServeHTTP(discard{http.Header{}}, r)
		panic(http.ErrAbortHandler)
	case resetAfterHeaders:
		u.proxy.ServeHTTP(discard{http.Header{}}, r)
		w.Header().Set("Content-Type", "application/grpc")
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		time.Sleep(5 * time.Millisecond) // the ingress passes the headers on before the reset arrives
		panic(http.ErrAbortHandler)
	case silence:
		<-r.Context().Done()
	case closeConn:
		u.proxy.ServeHTTP(discard{http.Header{}}, r)
		if c, ok := r.Context().Value(connKey{}).(net.Conn); ok {
			_ = c.Close()
		}
		panic(http.ErrAbortHandler)
	default:
		u.proxy.ServeHTTP(w, r)
	}
}

// discard is a response that reaches no client.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}
func (d discard) Flush()                      {}

var errMissing = errors.New("is not installed")
