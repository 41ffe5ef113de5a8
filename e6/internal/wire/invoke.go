package wire

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc"

	"github.com/e6data/e6data-go/e6/fsm"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// boundConn sends calls as its Call says, over its link if it has one.
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

// methodUse is what a method is for, which decides about its connection.
type methodUse uint8

const (
	usesQuery   methodUse = iota // part of a statement, or like one
	usesProbe                    // says whether a side accepts, or steers the cluster
	usesCleanup                  // frees something on the server
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
			methods[full] = method{"/" + strings.TrimPrefix(full, protoPackage), use}
		}
	}
	return methods
}()

type method struct {
	path string
	use  methodUse
}

// methodOf is the method of that name.
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

// invoke is the one place that every call and every response goes through.
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
	if m.use != usesQuery || l == nil || l.use != UseAlone && l.refuses(side) || !l.enter(false) {
		l, waited = c.route(ctx, side, m.use)
		leased = false
	}
	for tried, refused := 0, false; ; tried++ {
		count.begin()
		seen, err := c.send(c.headers.on(ctx), l.grpc, m.path, args, reply, opts)
		l.leave()
		if !leased {
			l.release(1)
		}
		if err == nil {
			l.answered(side)
			if refused {
				c.acceptedElsewhere()
			}
			break
		}
		class, effect := seen.classify(ctx, err)
		failed := &Error{Class: class, Effect: effect, Side: c.call.Side, Method: name(method), At: at, Err: err}
		outcome := failed.Outcome()
		refuses := outcome.Verdict == VerdictRefuses
		if refuses {
			count.refused.Add(1)
			l.refused(side)
		}
		l.note(failed, seen)
		// A connection that cannot be made says nothing about one that is there. What must be
		// alone has no other.
		unmade := !seen.sent && class == ClassUnreachable && l.use != UseAlone
		if (refuses || unmade) && tried < maxElsewhere && ctx.Err() == nil {
			if other := c.elsewhere(side); other != nil {
				count.end(refuses)
				l, leased, refused = other, false, refused || refuses
				continue
			}
		}
		if outcome.Poison {
			failed.note = "a response broke the connection: its headers are larger than 1 MiB, or a frame is malformed"
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

// AwaitDeadline waits for the end of a context whose deadline is due within the
// clock slack, if the outcome of a call is one that the deadline may cause
// (docs/rules.md, section 5). The server and the proxies before it count the same deadline and may notice it
// first, and a process that was paused may learn of their failure before its own timers
// run. Such a failure is the caller's: whoever looks at the context afterwards finds it
// ended. Other failures return at once.
func AwaitDeadline(ctx context.Context, outcome Outcome) {
	if outcome.ByDeadline && expired(ctx) {
		<-ctx.Done()
	}
}

var errNoSide = errors.New("the call has no side")

// observe reports what the response announces.
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
