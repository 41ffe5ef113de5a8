package wire

import (
	"context"
	"io"
	"net"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// callOutcome is the information of gRPC about a failed call, besides its error.
type callOutcome struct {
	// sent: the call was given to a connection, so that the server may have seen it.
	sent bool
	// answered: a gRPC server responded. Its responses have metadata, at least their
	// content type; a plain HTTP response of an ingress has none.
	answered bool
	// upstream: Envoy forwarded the response of an engine, and added the engine's time.
	upstream bool
	// ingress: Envoy made the response itself.
	ingress bool
	// required: every engine has the method.
	required bool
}

// upstreamTime is the header that Envoy adds to forwarded responses, and not to its own.
const upstreamTime = "x-envoy-upstream-service-time"

// first returns the first value of a key in the header or the trailer.
func (w *callInfo) first(key string) string {
	for _, md := range [...]metadata.MD{w.header, w.trailer} {
		if values := md[key]; len(values) > 0 {
			return values[0]
		}
	}
	return ""
}

// unwrittenError is the error of a call whose stream ended before its request was written.
//
// gRPC retries a call once if its stream was not processed. If the stream of the second
// attempt ends between its headers and its request, because of a second GOAWAY for
// example, gRPC returns a bare io.EOF and drops the status of that stream. A unary call
// does not begin without its request, and the first attempt was not processed: such a
// call had no effect.
type unwrittenError struct{}

// Error implements error.
func (unwrittenError) Error() string { return "the stream ended before the request was written" }

// GRPCStatus makes it a status UNAVAILABLE.
func (e unwrittenError) GRPCStatus() *status.Status { return status.New(codes.Unavailable, e.Error()) }

// namedEOF turns gRPC's bare io.EOF into an unwrittenError.
func namedEOF(err error) error {
	if err == io.EOF {
		return unwrittenError{}
	}
	return err
}

// nameEOF is the innermost interceptor of a Conn with interceptors of the caller. An
// io.EOF of theirs proves nothing, so that of gRPC is replaced before they get it.
func nameEOF(ctx context.Context, method string, args, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	return namedEOF(invoke(ctx, method, args, reply, cc, opts...))
}

// A callInfo receives the header, the trailer and the peer of a call from gRPC.
type callInfo struct {
	header, trailer metadata.MD
	to              peer.Peer // replaced as a whole if the call got a connection
	see             [3]grpc.CallOption
	opts            []grpc.CallOption
}

// nowhere is the address of noPeer, which no connection has.
type nowhere struct{ net.Addr }

// noPeer is the peer of a call that got no connection. A peer without addresses would not
// do: a dialer of the caller may return a connection without them.
var noPeer = peer.Peer{LocalAddr: nowhere{}}

func newCallInfo() *callInfo {
	w := &callInfo{to: noPeer}
	w.see = [...]grpc.CallOption{grpc.Header(&w.header), grpc.Trailer(&w.trailer), grpc.Peer(&w.to)}
	return w
}

// callInfos is a pool of callInfo values, because their options would cost allocations for
// every call. An interceptor of the caller may keep a reference, so calls through one do
// not use the pool.
var callInfos = sync.Pool{New: func() any { return newCallInfo() }}

// send makes a unary call and returns the callOutcome of a failed one. With the stream API
// of gRPC, the metadata could be read after a failure only, but gRPC starts a goroutine
// for every stream.
func (c *Conn) send(ctx context.Context, cc *grpc.ClientConn, path string, args, reply any, opts []grpc.CallOption) (callOutcome, error) {
	if c.intercepted {
		return newCallInfo().send(ctx, c, cc, path, args, reply, opts) // nameEOF is an interceptor then
	}
	w := callInfos.Get().(*callInfo)
	seen, err := w.send(ctx, c, cc, path, args, reply, opts)
	err = namedEOF(err)
	w.header, w.trailer, w.to = nil, nil, noPeer
	callInfos.Put(w)
	return seen, err
}

func (w *callInfo) send(ctx context.Context, c *Conn, cc *grpc.ClientConn, path string, args, reply any, opts []grpc.CallOption) (callOutcome, error) {
	w.opts = append(append(w.opts[:0], opts...), w.see[:]...)
	err := cc.Invoke(ctx, path, args, reply, w.opts...)
	timed := c.timed.Load()
	if err == nil && timed {
		return callOutcome{}, nil
	}
	upstream := w.first(upstreamTime) != ""
	if upstream && !timed {
		c.timed.Store(true)
	}
	if err == nil {
		return callOutcome{}, nil
	}
	return callOutcome{
		sent: w.to.LocalAddr != noPeer.LocalAddr, answered: len(w.header) > 0 || len(w.trailer) > 0,
		upstream: upstream, ingress: timed && !upstream && w.first("server") == "envoy",
	}, err
}
