package e6test

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
)

var discardLog = log.New(io.Discard, "", 0)

// ingress is the proxy in front of the two engines: it sends each call to the
// side that its strategy header names, or refuses it. A call without the header goes
// to the active side.
func (c *Cluster) ingress(w http.ResponseWriter, r *http.Request) {
	side := c.route(r)
	method := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	control := strings.HasPrefix(r.URL.Path, "/ClusterService/")
	c.counts.call(method, side)
	if !c.wait(r.Context(), c.latencyOf(side)) {
		return
	}
	fault := c.faults.next(side, method)
	if fault.act(c, w, r) {
		return
	}
	open, unhealthy, status := c.state(replicaOf(r.Context()), side)
	switch {
	case !side.Valid(), !open, c.set.name != "" && !strings.EqualFold(r.Header.Get("cluster-name"), c.set.name):
		c.refuse(w, 456)
	case status != "active" && !control:
		c.refuse(w, 503)
	case unhealthy && !control:
		http.Error(w, "the engine is down", http.StatusBadGateway)
	default:
		r = r.WithContext(context.WithValue(r.Context(), faultKey{}, fault))
		withReadTimeout(c.set.readTimeout, w, r, func(w http.ResponseWriter, r *http.Request) { c.pass(side, w, r, fault) })
	}
}

// route returns the side that a call is for, and None if its strategy header names none.
func (c *Cluster) route(r *http.Request) fsm.Side {
	names := r.Header.Values("strategy")
	if len(names) == 0 {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.activeOn(replicaOf(r.Context()))
	}
	side, _ := fsm.ParseSide(names[0])
	return side
}

// engine is a side's engine without the ingress.
func (c *Cluster) engine(side fsm.Side, w http.ResponseWriter, r *http.Request) {
	c.counts.call(r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:], side)
	if c.wait(r.Context(), c.latencyOf(side)) {
		c.pass(side, w, r, Fault{})
	}
}

// pass forwards a call to a side's engine, and breaks the connection instead of
// responding for the faults that do so.
func (c *Cluster) pass(side fsm.Side, w http.ResponseWriter, r *http.Request, fault Fault) {
	c.counts.begin(side)
	defer c.counts.end(side)
	switch fault.Action {
	case BreakAfter, AnswerAfter, NoTrailers:
		c.sides[side].grpc.ServeHTTP(&discardResponse{header: make(http.Header)}, r)
		if fault.Action == BreakAfter {
			breakConn(r)
		} else {
			fault.answer(w)
		}
		return
	}
	if fault.Action == DelayAfter {
		defer c.wait(r.Context(), fault.Delay)
	}
	c.sides[side].grpc.ServeHTTP(w, r)
}

// state is the routing state of the ingress.
func (c *Cluster) state(replica int, side fsm.Side) (open, unhealthy bool, status string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.openOn(replica, side), c.unhealthy[side], c.status
}

func (c *Cluster) latencyOf(side fsm.Side) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.set.latency + c.latency[side]
}

// wait lets time pass. It reports false if the call or the cluster ended first.
func (c *Cluster) wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
	case <-c.ctx.Done():
	}
	return false
}

// refuse rejects a call in the configured form. Only the plain form is a status
// of HTTP; the others are gRPC statuses in a response without a body.
func (c *Cluster) refuse(w http.ResponseWriter, status int) {
	c.counts.refused(status)
	code, message := "2", "status: "+strconv.Itoa(status)
	switch {
	case c.set.refusal == RefuseHTTP:
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "<html><body><h1>"+strconv.Itoa(status)+"</h1>The request was refused.</body></html>\n")
		return
	case status == 503:
		code, message = "14", "status: 503, cluster is suspended"
	case c.set.refusal == RefuseMock:
		code, message = "3", "Wrong strategy. Status: 456. Strategy mismatch."
	}
	w.Header().Set("Content-Type", "application/grpc")
	w.Header().Set("Grpc-Status", code)
	w.Header().Set("Grpc-Message", message)
	w.WriteHeader(http.StatusOK)
}

// breakConn closes the connection under a call.
func breakConn(r *http.Request) {
	if conn, ok := r.Context().Value(connKey{}).(net.Conn); ok {
		breakOff(conn)
	}
}

// breakOff closes a connection without the close_notify alert of TLS.
func breakOff(conn net.Conn) {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	_ = conn.Close()
}

// discardResponse is an http.ResponseWriter that discards the response.
type discardResponse struct{ header http.Header }

func (u *discardResponse) Header() http.Header         { return u.header }
func (u *discardResponse) Write(b []byte) (int, error) { return len(b), nil }
func (u *discardResponse) WriteHeader(int)             {}
func (u *discardResponse) Flush()                      {}
