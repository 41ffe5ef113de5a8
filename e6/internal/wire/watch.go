package wire

import (
	"context"
	"encoding/binary"
	"net"
	"time"

	"google.golang.org/grpc/credentials"
)

// watched are transport credentials that let a link see its connections. gRPC does not
// tell how many streams the server allows, nor when a connection is there or gone.
type watched struct {
	credentials.TransportCredentials
	link *link
}

// ClientHandshake implements credentials.TransportCredentials.
func (w *watched) ClientHandshake(ctx context.Context, authority string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	if tcp, ok := raw.(*net.TCPConn); ok {
		// gRPC turns these probes off. They cost a server nothing, none counts them, and
		// they keep the way open through firewalls that forget quiet connections. A
		// failure leaves the connection as usable as before.
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

// tcpKeepalive finds a peer that is gone within a minute, also while no call is active.
var tcpKeepalive = net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 10 * time.Second, Count: 3}

// watchedConn reads along for the server's settings.
type watchedConn struct {
	net.Conn
	raw     net.Conn // what it is made of
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
	// One that the server drains is closed when its last call ends, and there may be
	// another one by then.
	if c.link.current.CompareAndSwap(c, nil) {
		c.link.lost()
	}
	defer c.link.conn.lines.forget(c.raw) // TLS may wait until its last record is written
	return c.Conn.Close()
}

// settingsScanner finds SETTINGS frames in what a server sends (RFC 9113, sections 4.1 and 6.5).
type settingsScanner struct {
	head    [9]byte // of the present frame
	have    int     // how much of it is there
	left    int     // of its payload
	setting [6]byte // of the present setting
	got     int     // how much of it is there
	any     bool    // there was a SETTINGS frame before
	streams int64   // MAX_CONCURRENT_STREAMS of the present frame; -1 if it has none
}

const (
	frameSettings        = 0x4
	flagAck              = 0x1
	maxConcurrentStreams = 0x3
)

// scan goes through the next bytes and calls found for each limit on streams. A first
// SETTINGS frame without one sets no limit.
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
			found(max(f.streams, 1)) // with 0 the calls wait, as gRPC does it
		case !f.any:
			found(unlimited)
		}
		f.any = true
	}
}

// announces reports whether the present frame holds settings.
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
