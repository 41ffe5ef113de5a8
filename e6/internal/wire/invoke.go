package wire

import (
	"context"
	"errors"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/e6data/e6data-go/e6/fsm"
)

// boundConn sends calls as its Call says.
type boundConn struct {
	*Conn
	call Call
}

var _ grpc.ClientConnInterface = (*boundConn)(nil)

// protoPackage is the package of our .proto files. The engine serves its
// services without one.
const protoPackage = "/e6data.e6x.v1."

// path is the method's path on the wire.
func path(method string) string {
	if bare, ok := strings.CutPrefix(method, protoPackage); ok {
		return "/" + bare
	}
	return method
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
	count := &c.counts[c.call.Side]
	count.calls.Add(1)
	out := metadata.AppendToOutgoingContext(ctx, c.headers[c.call.Side]...)
	if c.call.PlannerIP != "" {
		out = metadata.AppendToOutgoingContext(out, "plannerip", c.call.PlannerIP)
	}
	var seen evidence
	err := c.grpc.Invoke(out, path(method), args, reply, append(opts, grpc.Header(&seen.header), grpc.Trailer(&seen.trailer), grpc.Peer(&seen.peer))...)
	if err != nil {
		class, effect := seen.judge(ctx, err)
		if class == ClassWrongSide {
			count.refused.Add(1)
		}
		return &Error{Class: class, Effect: effect, Side: c.call.Side, Method: name(method), At: at, Err: err}
	}
	c.observe(ctx, at, reply)
	return nil
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
		return
	}
	target, err := fsm.ParseSide(value)
	if err != nil {
		c.observer.AnnouncedUnknown(ctx, c.call.Side, at, value)
		return
	}
	c.observer.Announced(ctx, c.call.Side, at, target)
}

// NewStream implements grpc.ClientConnInterface. The protocol has no streams.
func (c *boundConn) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, errors.New("e6: the protocol has no streams")
}

// evidence is what gRPC tells about a call besides its error.
type evidence struct {
	header, trailer metadata.MD
	peer            peer.Peer
}

// sent reports whether the call was given to a connection. gRPC fills in the
// peer only then.
func (e *evidence) sent() bool { return e.peer.Addr != nil }

// answered reports whether a gRPC server answered: its replies have metadata,
// at least their content type. An ingress that refuses in plain HTTP sends none.
func (e *evidence) answered() bool { return len(e.header) > 0 || len(e.trailer) > 0 }
