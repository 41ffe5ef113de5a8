package wire

import (
	"context"
	"errors"
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

// ExecutesNothing reports whether the method is one before execute. Then no statement was
// executed, even if the effect of the call is unknown.
func (e *Error) ExecutesNothing() bool { return beforeExecute[e.Method] }

// beforeExecute are the methods that a statement calls before it is executed.
var beforeExecute = map[string]bool{
	"authenticate": true, "identifyPlanner": true, "prepareStatement": true, "prepareStatementV2": true, "getDynamicParams": true,
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
		return c.errorOf(c.invoke(ctx, method, args, reply, opts))
	}
	began := time.Now()
	err := c.errorOf(c.invoke(ctx, method, args, reply, opts))
	c.onCall(ctx, CallRecord{Method: name(method), Side: c.call.Side, Took: time.Since(began), Err: err})
	return err
}

// errorOf returns the error of a failure, and nil for nil.
func (c *boundConn) errorOf(failed *Error) error {
	switch {
	case failed == nil:
		return nil
	case c.failure == nil:
		return failed
	}
	return c.failure(failed)
}

// invoke sends every call and handles every response.
func (c *boundConn) invoke(ctx context.Context, method string, args, reply any, opts []grpc.CallOption) *Error {
	at := c.observer.Stamp()
	if !c.call.Side.Valid() {
		return &Error{Class: ClassUnsent, Effect: EffectNone, Method: name(method), At: at, Err: errNoSide}
	}
	p := pendingCall{c: c, method: methodOf(method), name: name(method), args: args, at: at}
	if err := p.start(ctx); err != nil {
		return c.notMade(ctx, at, method, err)
	}
	for {
		seen, err := p.send(ctx, reply, opts)
		if err == nil {
			break
		}
		failed := p.failure(ctx, seen, err)
		if p.retryElsewhere(ctx, failed, seen) || p.retryAlone(ctx, failed) {
			continue
		}
		outcome := failed.Outcome()
		AwaitDeadline(ctx, outcome)
		p.silence().end(outcome.Verdict != VerdictUnreachable)
		return failed
	}
	p.silence().end(true)
	if err := check(reply); err != nil {
		return &Error{Class: ClassNoResponse, Effect: EffectUnknown, Side: c.call.Side, Method: p.name, At: at, Err: err}
	}
	c.observe(ctx, at, reply)
	return nil
}

// notMade is the error of a call for which no separate connection could be opened.
func (c *boundConn) notMade(ctx context.Context, at Stamp, method string, err error) *Error {
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
