package wire

import (
	"net"
	"sync"
)

// lines are the network connections of a Conn, so that they can be cut. gRPC closes one
// politely: it waits up to 5 s until a last frame is written, and TLS writes another,
// which a peer that reads nothing delays.
type lines struct {
	mu   sync.Mutex
	open map[net.Conn]struct{}
	cut  bool
}

// abort closes every connection at once, also those that are made from now on.
func (l *lines) abort() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = true
	for conn := range l.open {
		_ = conn.Close()
	}
	l.open = nil
}

func (l *lines) add(conn net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut {
		_ = conn.Close()
		return
	}
	if l.open == nil {
		l.open = map[net.Conn]struct{}{}
	}
	l.open[conn] = struct{}{}
}

func (l *lines) forget(conn net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, conn)
}

// Abort cuts the network connections at once, also those that are made from now on. It
// is for a Close that takes too long. Connections whose transport credentials are among
// Config.DialOptions are not known, and end by themselves.
func (c *Conn) Abort() { c.lines.abort() }
