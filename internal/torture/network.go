package main

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"time"
)

// network is a way to an ingress that can be cut, stalled and slowed down. It knows
// where the frames of HTTP/2 begin, and can send GOAWAY between two of them.
type network struct {
	far      func() (net.Conn, error) // opens a connection to the ingress
	listener net.Listener             // nil: clients use dial
	all      sync.WaitGroup

	mu      sync.Mutex
	turn    *sync.Cond
	closed  bool
	stalled bool
	delay   time.Duration
	goaways uint64 // the number of requests to send GOAWAY
	conns   map[net.Conn]struct{}
}

func newNetwork(to string) (*network, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	n := newMemoryNetwork(func() (net.Conn, error) { return net.Dial("tcp", to) })
	n.listener = l
	n.all.Go(n.accept)
	return n, nil
}

// newMemoryNetwork is a network without sockets, for a bubble.
func newMemoryNetwork(far func() (net.Conn, error)) *network {
	n := &network{far: far, conns: make(map[net.Conn]struct{})}
	n.turn = sync.NewCond(&n.mu)
	return n
}

// dial opens a connection of a network without sockets.
func (n *network) dial(context.Context, string) (net.Conn, error) {
	client, near := net.Pipe()
	if !n.connect(near) {
		_ = client.Close()
		return nil, net.ErrClosed
	}
	return client, nil
}

func (n *network) addr() string { return n.listener.Addr().String() }

// close ends the network and everything on it.
func (n *network) close() {
	n.mu.Lock()
	n.closed = true
	n.mu.Unlock()
	if n.listener != nil {
		_ = n.listener.Close()
	}
	n.cut()
	n.all.Wait()
}

// cut resets every connection.
func (n *network) cut() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for c := range n.conns {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // a reset, and no farewell
		}
		_ = c.Close()
	}
	n.turn.Broadcast()
}

// stall lets nothing through, though the connections stay; heal lets it through.
func (n *network) stall() { n.set(func() { n.stalled = true }) }
func (n *network) heal()  { n.set(func() { n.stalled, n.delay = false, 0 }) }

// slow lets every piece take that much longer.
func (n *network) slow(d time.Duration) { n.set(func() { n.delay = d }) }

// goaway makes the clients on all current connections open others for new calls.
func (n *network) goaway() { n.set(func() { n.goaways++ }) }

func (n *network) set(change func()) {
	n.mu.Lock()
	change()
	n.mu.Unlock()
	n.turn.Broadcast()
}

func (n *network) accept() {
	for {
		near, err := n.listener.Accept()
		if err != nil {
			return
		}
		n.connect(near)
	}
}

// connect connects a client with the ingress, and reports whether it could.
func (n *network) connect(near net.Conn) bool {
	far, err := n.far()
	if err != nil {
		_ = near.Close()
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		_ = near.Close()
		_ = far.Close()
		return false
	}
	n.conns[near], n.conns[far] = struct{}{}, struct{}{}
	n.all.Go(func() { n.carry(near, far) })
	seen := n.goaways
	n.all.Go(func() { n.carryFrames(far, near, seen) })
	return true
}

// carry moves what a client sends.
func (n *network) carry(from, to net.Conn) {
	defer n.hangUp(from, to)
	piece := make([]byte, 32<<10)
	for {
		read, err := from.Read(piece)
		if err != nil || !n.pass() {
			return
		}
		if _, err := to.Write(piece[:read]); err != nil {
			return
		}
	}
}

// carryFrames moves what a server sends, frame by frame, and sends GOAWAY in between.
func (n *network) carryFrames(from, to net.Conn, seen uint64) {
	defer n.hangUp(from, to)
	const headSize = 9
	var head [headSize]byte
	for {
		if _, err := io.ReadFull(from, head[:]); err != nil {
			return
		}
		frame := make([]byte, headSize+int(binary.BigEndian.Uint32(head[:4])>>8))
		copy(frame, head[:])
		if _, err := io.ReadFull(from, frame[headSize:]); err != nil || !n.pass() {
			return
		}
		if requested := n.requested(); requested != seen {
			seen = requested
			frame = append(frame, goawayFrame...)
		}
		if _, err := to.Write(frame); err != nil {
			return
		}
	}
}

// goawayFrame means that the connection takes no new streams, and that none of those
// that it has is lost: 8 bytes of type 7 on stream 0, with the highest stream and
// NO_ERROR (RFC 9113, section 6.8).
var goawayFrame = []byte{0, 0, 8, 7, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0}

func (n *network) requested() uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.goaways
}

// pass waits until bytes may go on, and reports false if they never will.
func (n *network) pass() bool {
	n.mu.Lock()
	for n.stalled && !n.closed {
		n.turn.Wait()
	}
	delay, open := n.delay, !n.closed
	n.mu.Unlock()
	if delay > 0 {
		<-time.After(delay)
	}
	return open
}

func (n *network) hangUp(from, to net.Conn) {
	_ = from.Close()
	_ = to.Close()
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.conns, from)
}
