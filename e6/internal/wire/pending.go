package wire

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
)

// pendingCall is a call in flight, which may be sent on several connections one after the
// other.
type pendingCall struct {
	c      *boundConn
	method method
	name   string
	args   any
	at     Stamp

	link     *link // of the current attempt
	leased   bool  // the stream on link belongs to a lease; otherwise it is released after the attempt
	own      Lease // of a connection for this call only
	alone    bool  // the last attempt had a connection for this call, or this attempt of a statement, only
	remember bool  // after a response that broke its connection, the call is remembered in Conn.poison
	waited   bool  // the context ended while the call waited for a stream
	tried    int   // retries on other connections
	refused  bool  // one of the earlier attempts was refused
}

func (p *pendingCall) silence() *silence { return &p.c.silence[p.c.call.Side] }

// start selects the first connection.
func (p *pendingCall) start(ctx context.Context) error {
	c, side := p.c, p.c.call.Side
	if c.call.Control {
		p.method.use = usesProbe
	}
	p.link, p.leased = c.link, true
	// After a response that broke its connection, a step of a statement is not remembered: the
	// whole statement is prepared again.
	p.remember = c.link == nil || !p.method.step
	if p.remember && c.poison.any() && (c.link == nil || c.link.use != UseAlone) && c.poison.has(c.poisonKey(p.method, p.args)) {
		own, err := c.acquireAlone(ctx, c.aloneControl)
		if err != nil {
			return err
		}
		p.own = own
	}
	l := c.link
	switch {
	case p.own.Held():
		p.link = p.own.link
		p.link.calls.Add(1)
	case p.method.use != usesQuery || l == nil || l.use != UseAlone && l.refuses(side) || !l.enter(false):
		p.link, p.waited = c.route(ctx, side, p.method.use)
		p.leased = false
	}
	return nil
}

// send makes one attempt.
func (p *pendingCall) send(ctx context.Context, reply any, opts []grpc.CallOption) (callOutcome, error) {
	c, l := p.c, p.link
	p.silence().begin()
	seen, err := c.send(c.headers.on(ctx), l.grpc, p.method.path, p.args, reply, opts)
	l.leave()
	p.alone = p.own.Held() || l.use == UseAlone
	if p.own.Release(); !p.leased {
		l.release(1)
	}
	if err != nil {
		return seen, err
	}
	l.answered(c.call.Side)
	if p.alone && c.poison.any() {
		c.poison.forget(c.poisonKey(p.method, p.args))
	}
	if p.refused {
		c.acceptedElsewhere()
	}
	return seen, nil
}

// failure classifies the error of an attempt, and records it for the connection.
func (p *pendingCall) failure(ctx context.Context, seen callOutcome, err error) *Error {
	c, l := p.c, p.link
	seen.required = p.method.required
	class, effect := seen.classify(ctx, err)
	failed := &Error{Class: class, Effect: effect, Side: c.call.Side, Method: p.name, At: p.at, Err: err}
	if failed.Outcome().Verdict == VerdictRefuses {
		p.silence().refused.Add(1)
		l.refused(c.call.Side)
	}
	l.note(failed, seen)
	if p.waited && !seen.sent {
		failed.note = fmt.Sprintf("it waited for a stream: the ingress allows %d on a connection, and all of its %d connections were busy "+
			"(e6.Config.MaxConnections)", l.hard(), len(l.group.all()))
	}
	return failed
}

// retryElsewhere prepares a retry on another connection, if the attempt was refused or its
// connection could not be made. A call that must be alone has no other connection. As long
// as no call was accepted, a refusal is not retried: the caller tries the other side, and each
// replica accepts one of the two.
func (p *pendingCall) retryElsewhere(ctx context.Context, failed *Error, seen callOutcome) bool {
	refuses := failed.Outcome().Verdict == VerdictRefuses
	unmade := !seen.sent && failed.Class == ClassUnreachable
	if refuses && !p.c.accepted.Load() {
		return false
	}
	if !refuses && !unmade || p.alone || p.tried >= maxElsewhere || ctx.Err() != nil {
		return false
	}
	var other *link
	if refuses && p.method.use == usesQuery {
		other = p.c.awaitElsewhere(ctx, p.c.call.Side)
	} else {
		other, _ = p.c.elsewhere(p.c.call.Side)
	}
	if other == nil {
		return false
	}
	p.silence().end(refuses)
	p.link, p.leased = other, false
	p.refused = p.refused || refuses
	p.tried++
	return true
}

// retryAlone handles a response that broke the connection: of this call, or of another one on
// the connection. The call is remembered, and prepared for a retry on its own connection, where
// it cannot break other calls. A statement is not retried here.
func (p *pendingCall) retryAlone(ctx context.Context, failed *Error) bool {
	if !failed.Outcome().Poison {
		return false
	}
	failed.note = "a response broke the connection: its headers are larger than 1 MiB, or a frame is malformed"
	if !p.remember {
		return false
	}
	c := p.c
	c.poison.note(c.poisonKey(p.method, p.args))
	failed.remembered = true
	if p.method.use == usesQuery || p.alone || ctx.Err() != nil {
		return false
	}
	if p.own, _ = c.acquireAlone(ctx, c.aloneControl); !p.own.Held() {
		return false
	}
	p.silence().end(false)
	p.link, p.leased = p.own.link, true
	p.link.calls.Add(1)
	return true
}
