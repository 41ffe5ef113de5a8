package wire

import (
	"context"
	"net"
	"sync"

	"google.golang.org/grpc"
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

// A callInfo receives the header, the trailer and the peer of a call from gRPC.
type callInfo struct {
	header, trailer metadata.MD
	to              peer.Peer // replaced as a whole if the call got a connection
	see             [4]grpc.CallOption
	opts            []grpc.CallOption
}

// noRetry keeps gRPC from sending a request twice. Without it, gRPC retries a call whose
// stream ended with REFUSED_STREAM, even if retries are disabled. HAProxy sends that code
// also for a call that the engine has executed: when a connection that it used before ends
// without a response. The buffer for retries holds nothing, so that a written request commits
// the attempt.
var noRetry = grpc.MaxRetryRPCBufferSize(0)

// nowhere is the address of noPeer, which no connection has.
type nowhere struct{ net.Addr }

// noPeer is the peer of a call that got no connection. A peer without addresses would not
// do: a dialer of the caller may return a connection without them.
var noPeer = peer.Peer{LocalAddr: nowhere{}}

func newCallInfo() *callInfo {
	w := &callInfo{to: noPeer}
	w.see = [...]grpc.CallOption{grpc.Header(&w.header), grpc.Trailer(&w.trailer), grpc.Peer(&w.to), noRetry}
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
		return newCallInfo().send(ctx, c, cc, path, args, reply, opts)
	}
	w := callInfos.Get().(*callInfo)
	seen, err := w.send(ctx, c, cc, path, args, reply, opts)
	w.header, w.trailer, w.to = nil, nil, noPeer
	callInfos.Put(w)
	return seen, err
}

// drained reports whether the connection ended before the server processed the call,
// according to a GOAWAY.
func (w *callInfo) drained(err error) bool {
	s, ok := status.FromError(err)
	return ok && len(w.header) == 0 && len(w.trailer) == 0 && matchesAny(s.Message(), unprocessed)
}

func (w *callInfo) send(ctx context.Context, c *Conn, cc *grpc.ClientConn, path string, args, reply any, opts []grpc.CallOption) (callOutcome, error) {
	w.opts = append(append(w.opts[:0], opts...), w.see[:]...)
	err := cc.Invoke(ctx, path, args, reply, w.opts...)
	if err != nil && w.drained(err) {
		// The next attempt is on another connection.
		w.header, w.trailer, w.to = nil, nil, noPeer
		err = cc.Invoke(ctx, path, args, reply, w.opts...)
	}
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
