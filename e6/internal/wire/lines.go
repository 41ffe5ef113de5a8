package wire

import (
	"net"
	"sync"
)

// lines are the network connections of a Conn, for Abort. When gRPC closes a connection,
// it waits up to 5 s until its last frame is written, and TLS writes a last record: a
// peer that does not read delays both.
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

// Abort closes the network connections at once, also those that are made from now on. It
// is for a Close that takes too long. Connections with transport credentials from
// Config.DialOptions are not tracked, and close by themselves.
func (c *Conn) Abort() { c.lines.abort() }
