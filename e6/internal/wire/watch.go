package wire

import (
	"context"
	"encoding/binary"
	"net"
	"time"

	"google.golang.org/grpc/credentials"
)

// watched are transport credentials that give a link access to its connections. gRPC does
// not report the server's limit on streams, nor when a connection is made or lost.
type watched struct {
	credentials.TransportCredentials
	link *link
}

// ClientHandshake implements credentials.TransportCredentials.
func (w *watched) ClientHandshake(ctx context.Context, authority string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	if tcp, ok := raw.(*net.TCPConn); ok {
		// gRPC turns TCP keepalive off. Its probes cost a server nothing, no server
		// limits them, and they keep the state of firewalls alive. An error is ignored:
		// the connection works without them.
		_ = tcp.SetKeepAliveConfig(tcpKeepalive)
	}
	w.link.conn.lines.add(raw)
	conn, info, err := w.TransportCredentials.ClientHandshake(ctx, authority, raw)
	if err != nil {
		w.link.conn.lines.forget(raw)
		return conn, info, err
	}
	return &watchedConn{Conn: conn, raw: raw, link: w.link}, info, nil
}

// Clone implements credentials.TransportCredentials.
func (w *watched) Clone() credentials.TransportCredentials {
	return &watched{w.TransportCredentials.Clone(), w.link}
}

// tcpKeepalive detects a dead peer within a minute, also without active calls.
var tcpKeepalive = net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 10 * time.Second, Count: 3}

// watchedConn scans the received bytes for the settings of the server.
type watchedConn struct {
	net.Conn
	raw     net.Conn // the connection below TLS
	link    *link
	scanner settingsScanner
}

// Read implements net.Conn. gRPC reads from one goroutine.
func (c *watchedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.scanner.scan(b[:n], c.settings)
	return n, err
}

func (c *watchedConn) settings(streams int64) {
	c.link.current.Store(c)
	c.link.settings(streams)
	c.link.connected()
}

// Close implements net.Conn.
func (c *watchedConn) Close() error {
	// Compare: a connection that the server drains is closed when its last call ends, and
	// by then current may be a newer one, which must stay.
	if c.link.current.CompareAndSwap(c, nil) {
		c.link.lost()
	}
	defer c.link.conn.lines.forget(c.raw) // after Close: Abort must be able to end its wait for TLS
	return c.Conn.Close()
}

// settingsScanner finds SETTINGS frames in the bytes of a server (RFC 9113, sections 4.1 and 6.5).
type settingsScanner struct {
	head    [9]byte // header of the current frame
	have    int     // bytes of the header so far
	left    int     // remaining bytes of the payload
	setting [6]byte // the current setting
	got     int     // bytes of the setting so far
	any     bool    // there was a SETTINGS frame before
	streams int64   // MAX_CONCURRENT_STREAMS of the current frame; -1 if it has none
}

const (
	frameSettings        = 0x4
	flagAck              = 0x1
	maxConcurrentStreams = 0x3
)

// scan scans the next bytes and calls found for each limit on streams. A first SETTINGS
// frame without one means no limit.
func (f *settingsScanner) scan(b []byte, found func(streams int64)) {
	for len(b) > 0 {
		if f.have < len(f.head) {
			n := copy(f.head[f.have:], b)
			f.have += n
			b = b[n:]
			if f.have < len(f.head) {
				return
			}
			f.left = int(f.head[0])<<16 | int(f.head[1])<<8 | int(f.head[2])
			f.got, f.streams = 0, -1
		} else {
			n := min(len(b), f.left)
			if f.announces() {
				f.read(b[:n])
			}
			f.left -= n
			b = b[n:]
		}
		if f.left > 0 {
			continue
		}
		f.have = 0
		if !f.announces() {
			continue
		}
		switch {
		case f.streams >= 0:
			found(max(f.streams, 1)) // with 0, calls wait in gRPC
		case !f.any:
			found(unlimited)
		}
		f.any = true
	}
}

// announces reports whether the current frame holds settings.
func (f *settingsScanner) announces() bool {
	return f.head[3] == frameSettings && f.head[4]&flagAck == 0
}

func (f *settingsScanner) read(b []byte) {
	for _, one := range b {
		f.setting[f.got] = one
		if f.got++; f.got < len(f.setting) {
			continue
		}
		f.got = 0
		if binary.BigEndian.Uint16(f.setting[:]) == maxConcurrentStreams {
			f.streams = min(int64(binary.BigEndian.Uint32(f.setting[2:])), unlimited)
		}
	}
}
