package wire

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
)

// A response that broke its connection is not requested again on a shared connection
// (DESIGN 5.25). A statement is prepared again on its own connection (Conn.AcquireAlone).
// Every other call is remembered here: it gets its own connection until its response can
// be read.
const (
	// poisonWindow is the time for which such a call is remembered.
	poisonWindow = 10 * time.Minute
	// maxPoison is the maximum number of remembered calls.
	maxPoison = 256
)

// poisonKey identifies a call: its side, its method and its query.
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

// poison holds the calls whose responses broke their connections. The zero value is
// ready to use.
type poison struct {
	count atomic.Int64 // len(at): while it is 0, a call costs one load and no lock
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
