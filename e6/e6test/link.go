package e6test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// Link is a connection with latency: what is written arrives later, in its
// order, and nothing is lost. When the client closes its end, what is under way
// arrives at once, so that no work continues behind it. The zero Link takes no time. In a testing/synctest bubble
// the delays are exact, so that the time which something takes counts its round trips.
type Link struct {
	// Up delays what the client sends, and Down what the cluster sends.
	Up, Down time.Duration
}

// RTT is the round-trip time.
func (l Link) RTT() time.Duration { return l.Up + l.Down }

// Dialer puts the link in front of the connections of another dialer, such as
// Cluster.Dialer. To open one takes a round trip, as that of TCP does.
func (l Link) Dialer(dial func(ctx context.Context, addr string) (net.Conn, error)) func(ctx context.Context, addr string) (net.Conn, error) {
	return func(ctx context.Context, addr string) (net.Conn, error) {
		handshake := time.NewTimer(l.RTT())
		defer handshake.Stop()
		select {
		case <-handshake.C:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		far, err := dial(ctx, addr)
		if err != nil {
			return nil, err
		}
		near, middle := net.Pipe()
		end := &linked{Conn: near, far: far, closed: make(chan struct{})}
		go carry(far, middle, l.Up, end.closed)
		go carry(middle, far, l.Down, end.closed)
		return end, nil
	}
}

// linked is the client's end, which has the addresses of the connection behind it.
type linked struct {
	net.Conn
	far    net.Conn
	once   sync.Once
	closed chan struct{}
}

func (l *linked) LocalAddr() net.Addr  { return l.far.LocalAddr() }
func (l *linked) RemoteAddr() net.Addr { return l.far.RemoteAddr() }

// Close implements net.Conn.
func (l *linked) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Conn.Close()
}

// parcel is what was read at once, and when it arrives.
type parcel struct {
	data []byte
	due  time.Time
}

// carry brings what it reads to the other end, each part after the delay or when the
// client has closed its end. When one of the ends is closed, so is the other one.
func carry(to io.WriteCloser, from io.ReadCloser, delay time.Duration, closed <-chan struct{}) {
	const onTheWay = 1024 // parcels
	road := make(chan parcel, onTheWay)
	go func() {
		defer close(road)
		for {
			buffer := make([]byte, 32<<10)
			n, err := from.Read(buffer)
			road <- parcel{buffer[:n], time.Now().Add(delay)} // the end is one too
			if err != nil {
				return
			}
		}
	}()
	var failed error
	for p := range road {
		if failed != nil {
			continue // discard the rest
		}
		arrival := time.NewTimer(time.Until(p.due))
		select {
		case <-arrival.C:
		case <-closed:
			arrival.Stop()
		}
		if len(p.data) == 0 {
			continue
		}
		if _, failed = to.Write(p.data); failed != nil {
			_ = from.Close()
		}
	}
	_ = errors.Join(to.Close(), from.Close())
}
