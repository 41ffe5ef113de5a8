package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"sync/atomic"
)

// fileCell is one cluster's file in this process.
type fileCell struct {
	store         *File
	name          string
	path          string
	current       atomic.Pointer[mapping]
	known         atomic.Pointer[cachedContent]
	seen          atomic.Uint64 // the greatest version that was ever read
	turn          chan struct{} // holds a token while one of this process writes
	recordChanged signal
	// clientsChanged is for the watches of the list of clients.
	clientsChanged signal
}

// faultAttempts limits how often a file that cannot be read is mapped again.
const faultAttempts = 8

// cachedContent is the content that was read for these heads of the slots. The same
// heads mean the same records, as there are a version and a checksum in each.
type cachedContent struct {
	heads heads
	content
}

func newFileCell(f *File, name string) *fileCell {
	c := &fileCell{store: f, name: name, path: filepath.Join(f.dir, name), turn: make(chan struct{}, 1)}
	c.recordChanged.ring()
	c.clientsChanged.ring()
	return c
}

// mapped returns the file's mapping, which the caller must release. There is none
// if there is no file and none is to be made.
func (c *fileCell) mapped(ctx context.Context, create bool) (*mapping, error) {
	for {
		if m := c.current.Load(); m != nil && m.acquire() {
			if !m.stale() {
				return m, nil
			}
			c.drop(m)
			m.release()
		}
		m, err := openMapping(ctx, c.path, create)
		if m == nil || err != nil {
			return nil, err
		}
		if err := c.adopt(m); err != nil {
			return nil, err
		}
	}
}

// adopt makes a mapping the current one, unless there is one already.
func (c *fileCell) adopt(m *mapping) error {
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	err := c.store.open()
	if err != nil || !c.current.CompareAndSwap(nil, m) {
		m.release()
	}
	return err
}

// drop forgets a mapping. The last one that uses it gives it back.
func (c *fileCell) drop(m *mapping) {
	if m != nil && c.current.CompareAndSwap(m, nil) {
		m.release()
	}
}

// read returns the content of the file.
func (c *fileCell) read(ctx context.Context) (content, error) {
	for n := 0; ; n++ {
		m, err := c.mapped(ctx, false)
		if m == nil || err != nil {
			return content{}, err
		}
		s, err := c.readFrom(ctx, m)
		m.release()
		if !errors.Is(err, errFault) {
			return s, err
		}
		// It was cut off after it was found whole, or the disk is broken.
		c.drop(m)
		if n == faultAttempts {
			return content{}, fmt.Errorf("store: %s: %w", c.path, err)
		}
	}
}

// readFrom reads without a lock. A content between two equal reads of the heads
// was stable in between.
func (c *fileCell) readFrom(ctx context.Context, m *mapping) (content, error) {
	var broken heads // the heads of the last round, in which no slot was whole
	for {
		before, err := m.heads()
		if err != nil {
			return content{}, err
		}
		if k := c.known.Load(); k != nil && k.heads == before {
			return k.content, nil
		}
		if err := ctx.Err(); err != nil {
			return content{}, err
		}
		s, err := m.parse()
		if err != nil {
			return content{}, err
		}
		after, err := m.heads()
		if err != nil {
			return content{}, err
		}
		switch {
		case before != after:
			runtime.Gosched()
			continue
		case s.none && broken != after:
			// One slot may have been completed while the other was begun. It is
			// whole then in the next round, or the heads have changed.
			broken = after
			continue
		case s.good:
			// A broken slot may become whole without a change of its head, so
			// that nothing can be kept of it.
			c.known.Store(&cachedContent{after, s})
		}
		c.saw(s.record.Version)
		return s, nil
	}
}

// saw remembers the greatest version.
func (c *fileCell) saw(version uint64) {
	for {
		old := c.seen.Load()
		if version <= old || c.seen.CompareAndSwap(old, version) {
			return
		}
	}
}

// swap replaces the record by the result of decide. No other
// writer, of any process, comes between. It returns the new record, or what decide
// returned with its error.
func (c *fileCell) swap(ctx context.Context, decide func(current Record) (Record, error)) (Record, error) {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return Record{}, ctx.Err()
	}
	m, err := c.locked(ctx)
	if err != nil {
		return Record{}, err
	}
	defer m.release()
	defer m.unlock()
	s, err := c.readFrom(ctx, m)
	if err != nil {
		return Record{}, fmt.Errorf("store: %s: %w", c.path, err)
	}
	next, err := decide(s.record)
	if err != nil {
		return next, err
	}
	next.Version = max(s.record.Version, c.seen.Load()) + 1
	slot, next, err := encodeSlot(next)
	if err != nil {
		return Record{}, err
	}
	if err := m.write(slot, int64(s.free)*slotSize); err != nil {
		return Record{}, fmt.Errorf("store: %w", err)
	}
	c.saw(next.Version)
	return next, nil
}

// locked returns the mapping of the file that has the name now, with the writers'
// lock on it.
func (c *fileCell) locked(ctx context.Context) (*mapping, error) {
	for {
		m, err := c.mapped(ctx, true)
		if err != nil {
			return nil, err
		}
		if m != nil { // otherwise it was cut off just after it was made
			if err := m.lock(ctx); err != nil {
				m.release()
				return nil, fmt.Errorf("store: %s: %w", c.path, err)
			}
			if m.has(c.path) {
				return m, nil
			}
			m.unlock()
			c.drop(m)
			m.release()
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
}

// look reads for a watcher. It notices a file that was replaced. A record that
// is older than what was seen before comes from a process that did not know
// better when it repaired the file: it gets a version above all that was seen, as
// every other watcher would ignore it as outdated.
func (c *fileCell) look(ctx context.Context) (Record, error) {
	if m := c.current.Load(); m != nil && m.acquire() {
		if !m.has(c.path) {
			c.drop(m)
		}
		m.release()
	}
	seen := c.seen.Load()
	s, err := c.read(ctx)
	if err != nil || s.record.Version == 0 || s.record.Version >= seen {
		return s.record, err
	}
	record, err := c.swap(ctx, func(current Record) (Record, error) {
		if current.Version == 0 || current.Version >= seen {
			return current, ErrConflict
		}
		return current, nil
	})
	if errors.Is(err, ErrConflict) {
		err = nil
	}
	return record, err
}

// A signal wakes watchers. ring is called once before get.
type signal struct{ closed atomic.Pointer[chan struct{}] }

// get returns a channel that is closed by the next ring.
func (s *signal) get() <-chan struct{} { return *s.closed.Load() }

// ring wakes the watchers.
func (s *signal) ring() {
	next := make(chan struct{})
	if old := s.closed.Swap(&next); old != nil {
		close(*old)
	}
}
