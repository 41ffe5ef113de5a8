package etcd

import (
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A proxy stands between a store and etcd and does to the bytes what a bad
// network does.
type proxy struct {
	to   string
	l    net.Listener
	all  sync.WaitGroup
	mu   sync.Mutex
	turn *sync.Cond
	networkFault
	closed bool
	conns  map[net.Conn]bool
}

// networkFault is the fault that the proxy injects.
type networkFault struct {
	down          bool          // connections are closed as soon as they are made
	stalled       bool          // nothing gets through in either direction
	dropResponses bool          // responses of etcd are lost
	delay         time.Duration // every piece comes late
}

func startProxy(t testing.TB, to string) *proxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &proxy{to: to, l: l, conns: make(map[net.Conn]bool)}
	p.turn = sync.NewCond(&p.mu)
	p.all.Go(p.accept)
	t.Cleanup(func() {
		p.mu.Lock()
		p.closed = true
		p.mu.Unlock()
		l.Close()
		p.cut()
		p.all.Wait()
	})
	return p
}

func (p *proxy) addr() string { return p.l.Addr().String() }

// inject changes the fault.
func (p *proxy) inject(w networkFault) {
	p.mu.Lock()
	p.networkFault = w
	p.mu.Unlock()
	p.turn.Broadcast()
}

// cut closes every connection.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
	}
	p.turn.Broadcast()
}

func (p *proxy) accept() {
	for {
		near, err := p.l.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", p.to)
		if err != nil {
			near.Close()
			continue
		}
		p.mu.Lock()
		if p.down || p.closed {
			near.Close()
			far.Close()
		} else {
			p.conns[near], p.conns[far] = true, true
			p.all.Go(func() { p.carry(near, far, false) })
			p.all.Go(func() { p.carry(far, near, true) })
		}
		p.mu.Unlock()
	}
}

// carry moves bytes in one direction until either end is closed.
func (p *proxy) carry(from, to net.Conn, answers bool) {
	defer func() {
		from.Close()
		to.Close()
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.conns, from)
	}()
	piece := make([]byte, 32<<10)
	for {
		n, err := from.Read(piece)
		if err != nil {
			return
		}
		w, open := p.await()
		if !open {
			return
		}
		if w.delay > 0 {
			<-time.After(w.delay)
		}
		if w.dropResponses && answers {
			continue
		}
		if _, err := to.Write(piece[:n]); err != nil {
			return
		}
	}
}

// await waits until bytes may pass.
func (p *proxy) await() (w networkFault, open bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.stalled && !p.closed {
		p.turn.Wait()
	}
	return p.networkFault, !p.closed
}
