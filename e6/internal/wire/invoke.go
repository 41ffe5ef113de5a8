package wire

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	"github.com/e6data/e6data-go/e6/fsm"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// boundConn sends calls to the address of its Call, over its link if it has one.
type boundConn struct {
	*Conn
	link    *link
	call    Call
	headers headers
}

var _ grpc.ClientConnInterface = (*boundConn)(nil)

// protoPackage is the package of our .proto files. The engine serves its
// services without one.
const protoPackage = "/e6data.e6x.v1."

// methodUse is the purpose of a method. It selects the group of connections.
type methodUse uint8

const (
	usesQuery   methodUse = iota // a step of a statement, or a catalog call
	usesProbe                    // a login, a health probe, or a call of the cluster service
	usesCleanup                  // frees resources on the server
)

// methods are the paths on the wire and the uses, by the names that the generated code
// calls.
var methods = func() map[string]method {
	methods := map[string]method{}
	for _, service := range []grpc.ServiceDesc{e6xv1.QueryEngineService_ServiceDesc, e6xv1.ClusterService_ServiceDesc} {
		for _, m := range service.Methods {
			full := "/" + service.ServiceName + "/" + m.MethodName
			use := usesQuery
			switch {
			case service.ServiceName == e6xv1.ClusterService_ServiceDesc.ServiceName, m.MethodName == "authenticate", m.MethodName == "healthCheck":
				use = usesProbe
			case m.MethodName == "cancelQuery", m.MethodName == "clear", m.MethodName == "clearOrCancelQuery":
				use = usesCleanup
			}
			methods[full] = method{"/" + strings.TrimPrefix(full, protoPackage), use, isStep(m.MethodName), isRequired(m.MethodName)}
		}
	}
	return methods
}()

type method struct {
	path string
	use  methodUse
	step bool // a step of a statement, and not a catalog call
	// required: every engine has the method. If an ingress has no route for it, it has
	// no route to an engine.
	required bool
}

// isRequired reports whether every engine has a method.
func isRequired(method string) bool {
	switch method {
	case "authenticate", "prepareStatement", "prepareStatementV2", "executeStatement", "executeStatementV2", "getResultMetadata", "getNextResultBatch":
		return true
	}
	return false
}

// isStep reports whether a method is a step of a statement.
func isStep(method string) bool {
	for _, step := range [...]string{"identifyPlanner", "prepareStatement", "executeStatement", "getResultMetadata", "getNextResultBatch"} {
		if strings.HasPrefix(method, step) {
			return true
		}
	}
	return false
}

// methodOf returns the method of that name.
func methodOf(full string) method {
	if m, ok := methods[full]; ok {
		return m
	}
	return method{path: full}
}

// name is the method without its service.
func name(method string) string { return method[strings.LastIndexByte(method, '/')+1:] }

// Invoke implements grpc.ClientConnInterface.
func (c *boundConn) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	if c.onCall == nil {
		return c.invoke(ctx, method, args, reply, opts)
	}
	began := time.Now()
	err := c.invoke(ctx, method, args, reply, opts)
	c.onCall(ctx, CallRecord{Method: name(method), Side: c.call.Side, Took: time.Since(began), Err: err})
	return err
}

// invoke sends every call and handles every response.
func (c *boundConn) invoke(ctx context.Context, method string, args, reply any, opts []grpc.CallOption) error {
	at := c.observer.Stamp()
	if !c.call.Side.Valid() {
		return &Error{Class: ClassUnsent, Effect: EffectNone, Method: name(method), At: at, Err: errNoSide}
	}
	count := &c.silence[c.call.Side]
	m := methodOf(method)
	if c.call.Control {
		m.use = usesProbe
	}
	side := c.call.Side
	l, leased, waited := c.link, true, false
	// After a response that broke its connection, a statement is prepared again; other calls are remembered.
	remember := l == nil || !m.step
	var own Lease // of a connection for this call alone
	if remember && c.poison.any() && (l == nil || l.use != UseAlone) && c.poison.has(c.poisonKey(m, args)) {
		var err error
		if own, err = c.acquireAlone(ctx, c.aloneControl); err != nil {
			return c.notMade(ctx, at, method, err)
		}
	}
	if own.Held() {
		l = own.link
		l.calls.Add(1)
	} else if m.use != usesQuery || l == nil || l.use != UseAlone && l.refuses(side) || !l.enter(false) {
		l, waited = c.route(ctx, side, m.use)
		leased = false
	}
	for tried, refused := 0, false; ; tried++ {
		count.begin()
		seen, err := c.send(c.headers.on(ctx), l.grpc, m.path, args, reply, opts)
		l.leave()
		alone := own.Held() || l.use == UseAlone
		if own.Release(); !leased {
			l.release(1)
		}
		if err == nil {
			l.answered(side)
			if alone && c.poison.any() {
				c.poison.forget(c.poisonKey(m, args))
			}
			if refused {
				c.acceptedElsewhere()
			}
			break
		}
		seen.required = m.required
		class, effect := seen.classify(ctx, err)
		failed := &Error{Class: class, Effect: effect, Side: c.call.Side, Method: name(method), At: at, Err: err}
		outcome := failed.Outcome()
		refuses := outcome.Verdict == VerdictRefuses
		if refuses {
			count.refused.Add(1)
			l.refused(side)
		}
		l.note(failed, seen)
		// If a connection cannot be made, one that is ready may still work. A call that must be
		// alone has no other connection.
		unmade := !seen.sent && class == ClassUnreachable
		if (refuses || unmade) && !alone && tried < maxElsewhere && ctx.Err() == nil {
			var other *link
			if refuses && m.use == usesQuery {
				other = c.awaitElsewhere(ctx, side)
			} else {
				other, _ = c.elsewhere(side)
			}
			if other != nil {
				count.end(refuses)
				l, leased, refused = other, false, refused || refuses
				continue
			}
		}
		if outcome.Poison {
			failed.note = "a response broke the connection: its headers are larger than 1 MiB, or a frame is malformed"
		}
		if outcome.Poison && remember {
			// The response of this call, or of another call on the connection, cannot be read.
			// On its own connection, the call cannot break others.
			c.poison.note(c.poisonKey(m, args))
			failed.remembered = true
			if m.use != usesQuery && !alone && ctx.Err() == nil {
				if own, _ = c.acquireAlone(ctx, c.aloneControl); own.Held() {
					count.end(false)
					l, leased = own.link, true
					l.calls.Add(1)
					continue
				}
			}
		}
		if waited && !seen.sent {
			failed.note = fmt.Sprintf("it waited for a stream: the ingress allows %d on a connection, and all of its %d connections were busy "+
				"(e6.Config.MaxConnections)", l.hard(), len(l.group.all()))
		}
		AwaitDeadline(ctx, outcome)
		count.end(outcome.Verdict != VerdictUnreachable)
		return failed
	}
	count.end(true)
	if err := check(reply); err != nil {
		return &Error{Class: ClassNoResponse, Effect: EffectUnknown, Side: c.call.Side, Method: name(method), At: at, Err: err}
	}
	c.observe(ctx, at, reply)
	return nil
}

// notMade is the error of a call that got no connection of its own.
func (c *boundConn) notMade(ctx context.Context, at Stamp, method string, err error) error {
	class := ClassUnsent
	if ctx.Err() != nil {
		class, _ = (&callOutcome{}).classify(ctx, status.FromContextError(ctx.Err()).Err())
	}
	return &Error{Class: class, Effect: EffectNone, Side: c.call.Side, Method: name(method), At: at, Err: err}
}

// AwaitDeadline waits for the end of a context whose deadline is due within the clock
// slack, if the deadline may be the cause of the outcome (docs/rules.md, section 5). It
// returns at once for other outcomes. It prevents this sequence:
//  1. The server or a proxy applies the deadline of the call and sends a failure.
//  2. The failure arrives before the timer of ctx fires: clocks differ, and a process may
//     have been paused.
//  3. The caller finds ctx alive and takes the failure for one of the side.
func AwaitDeadline(ctx context.Context, outcome Outcome) {
	if outcome.ByDeadline && expired(ctx) {
		<-ctx.Done()
	}
}

var errNoSide = errors.New("the call has no side")

// observe reports the announcement of a response.
func (c *boundConn) observe(ctx context.Context, at Stamp, reply any) {
	announcer, ok := reply.(interface{ GetNewStrategy() string })
	if !ok {
		return
	}
	value := announcer.GetNewStrategy()
	if value == "" {
		c.observer.Agreed(c.call.Side, at)
		return
	}
	target, err := fsm.ParseSide(value)
	if err != nil {
		c.observer.AnnouncedUnknown(ctx, c.call.Side, at, value)
		return
	}
	if target == c.call.Side {
		c.observer.Agreed(c.call.Side, at)
	}
	c.observer.Announced(ctx, c.call.Side, at, target)
}

// NewStream implements grpc.ClientConnInterface. The protocol has no streams.
func (c *boundConn) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, errors.New("e6: the protocol has no streams")
}
