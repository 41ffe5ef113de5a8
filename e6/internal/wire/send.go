package wire

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
)

// evidence is what gRPC tells about a call that failed, besides its error.
type evidence struct {
	// sent: the call was given to a connection, so that the server may have seen it.
	sent bool
	// answered: a gRPC server answered. Its replies have metadata, at least their
	// content type; an ingress that refuses in plain HTTP sends none.
	answered bool
}

// sender makes a unary call, and says what there is to know of one that failed.
type sender func(ctx context.Context, path string, args, reply any, opts []grpc.CallOption) (evidence, error)

// unary describes a call with one message each way.
var unary = &grpc.StreamDesc{}

// direct makes the call by its stream, which can be asked for the metadata when the
// call has failed. That saves a copy of the metadata of every answer.
func (c *Conn) direct(ctx context.Context, path string, args, reply any, opts []grpc.CallOption) (evidence, error) {
	stream, err := c.grpc.NewStream(ctx, unary, path, opts...)
	if err != nil {
		return evidence{}, err
	}
	if err = stream.SendMsg(args); err == nil {
		err = stream.RecvMsg(reply)
	}
	if err == nil {
		return evidence{}, nil
	}
	header, _ := stream.Header()
	return evidence{sent: true, answered: len(header) > 0 || len(stream.Trailer()) > 0}, err
}

// intercepted makes the call in the way that the caller's unary interceptors see.
func (c *Conn) intercepted(ctx context.Context, path string, args, reply any, opts []grpc.CallOption) (evidence, error) {
	var header, trailer metadata.MD
	var to peer.Peer // filled in only if the call got a connection
	err := c.grpc.Invoke(ctx, path, args, reply, append(opts, grpc.Header(&header), grpc.Trailer(&trailer), grpc.Peer(&to))...)
	return evidence{sent: to.Addr != nil, answered: len(header) > 0 || len(trailer) > 0}, err
}
