package wire

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
)

// A response that broke its connection is not requested again on a connection that others
// use (DESIGN 5.25). A statement is prepared anew for that, on a connection of its own
// (Conn.AcquireAlone). Every other call is remembered here: it gets a connection of its
// own until a response on one can be read.
const (
	// poisonWindow is how long a call is remembered whose response broke its connection.
	poisonWindow = 10 * time.Minute
	// maxPoison limits how many are.
	maxPoison = 256
)

// poisonKey is a call as it is requested again: those of one query are told apart.
type poisonKey struct {
	side          fsm.Side
	method, query string
}

func (c *boundConn) poisonKey(m method, args any) poisonKey {
	key := poisonKey{side: c.call.Side, method: m.path}
	if about, ok := args.(interface{ GetQueryId() string }); ok {
		key.query = about.GetQueryId()
	}
	return key
}

// poison is the calls whose responses broke their connections. The zero value is ready.
type poison struct {
	count atomic.Int64 // len(at): while there are none, they cost a call one load
	mu    sync.Mutex
	at    map[poisonKey]time.Time
}

func (p *poison) note(key poisonKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.at == nil {
		p.at = make(map[poisonKey]time.Time)
	}
	for old, at := range p.at {
		if len(p.at) >= maxPoison || time.Since(at) > poisonWindow {
			delete(p.at, old)
		}
	}
	p.at[key] = time.Now()
	p.count.Store(int64(len(p.at)))
}

// any reports whether there is one.
func (p *poison) any() bool { return p.count.Load() > 0 }

func (p *poison) has(key poisonKey) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	at, ok := p.at[key]
	return ok && time.Since(at) <= poisonWindow
}

func (p *poison) forget(key poisonKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.at, key)
	p.count.Store(int64(len(p.at)))
}
