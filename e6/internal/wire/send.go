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

// evidence is what gRPC tells about a call that failed, besides its error.
type evidence struct {
	// sent: the call was given to a connection, so that the server may have seen it.
	sent bool
	// answered: a gRPC server answered. Its replies have metadata, at least their
	// content type; an ingress that refuses in plain HTTP sends none.
	answered bool
	// upstream: Envoy passed on the response of an engine, and says how long it took.
	upstream bool
	// ingress: Envoy made the reply itself.
	ingress bool
	// required: every engine has the method.
	required bool
}

// upstreamTime is the header that Envoy adds to what it passes on, and not to its own
// replies.
const upstreamTime = "x-envoy-upstream-service-time"

// first returns the first value of a key in the header or the trailer.
func (w *witness) first(key string) string {
	for _, md := range [...]metadata.MD{w.header, w.trailer} {
		if values := md[key]; len(values) > 0 {
			return values[0]
		}
	}
	return ""
}

// unwrittenError is the end of a call whose stream ended before its request was written.
//
// gRPC repeats a call once whose stream was not processed. If the stream of the second
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

// nameEOF is the innermost interceptor of a Conn with interceptors of the caller's: what
// they return proves nothing, so that io.EOF is named before they get it.
func nameEOF(ctx context.Context, method string, args, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	return namedEOF(invoke(ctx, method, args, reply, cc, opts...))
}

// A witness sees a call: gRPC writes to it what there is to know of one that failed.
type witness struct {
	header, trailer metadata.MD
	to              peer.Peer // replaced as a whole if the call got a connection
	see             [3]grpc.CallOption
	opts            []grpc.CallOption
}

// nowhere is an address that no connection has.
type nowhere struct{ net.Addr }

// noPeer is that of a call that got no connection. One that did may have a peer
// without addresses: a dialer of the caller's can give any connection.
var noPeer = peer.Peer{LocalAddr: nowhere{}}

func newWitness() *witness {
	w := &witness{to: noPeer}
	w.see = [...]grpc.CallOption{grpc.Header(&w.header), grpc.Trailer(&w.trailer), grpc.Peer(&w.to)}
	return w
}

// witnesses have seen a call that is over. They are used again, as their options would
// be memory for every call. An interceptor of the caller's may hold on to them, so
// calls through one have witnesses of their own.
var witnesses = sync.Pool{New: func() any { return newWitness() }}

// send makes a unary call, and says what there is to know of one that failed. By
// gRPC's streams the metadata could be asked for after a failure only, but gRPC gives
// every stream a goroutine.
func (c *Conn) send(ctx context.Context, cc *grpc.ClientConn, path string, args, reply any, opts []grpc.CallOption) (evidence, error) {
	if c.intercepted {
		return newWitness().send(ctx, c, cc, path, args, reply, opts) // nameEOF is an interceptor then
	}
	w := witnesses.Get().(*witness)
	seen, err := w.send(ctx, c, cc, path, args, reply, opts)
	err = namedEOF(err)
	w.header, w.trailer, w.to = nil, nil, noPeer
	witnesses.Put(w)
	return seen, err
}

func (w *witness) send(ctx context.Context, c *Conn, cc *grpc.ClientConn, path string, args, reply any, opts []grpc.CallOption) (evidence, error) {
	w.opts = append(append(w.opts[:0], opts...), w.see[:]...)
	err := cc.Invoke(ctx, path, args, reply, w.opts...)
	timed := c.timed.Load()
	if err == nil && timed {
		return evidence{}, nil
	}
	upstream := w.first(upstreamTime) != ""
	if upstream && !timed {
		c.timed.Store(true)
	}
	if err == nil {
		return evidence{}, nil
	}
	return evidence{
		sent: w.to.LocalAddr != noPeer.LocalAddr, answered: len(w.header) > 0 || len(w.trailer) > 0,
		upstream: upstream, ingress: timed && !upstream && w.first("server") == "envoy",
	}, err
}
