package store

import (
	"context"
	"sync"
	"time"
)

const (
	// pollPause is how often the memory is looked at where the system does not
	// report changes.
	pollPause = 20 * time.Millisecond
	// checkPause is how often a watcher looks whether its file still is the one
	// that has the name, and for changes that the system did not report.
	checkPause = time.Second
)

// fileListener rings the cells whose files change, for all watches of a File. It
// runs while there is one.
type fileListener struct {
	stop  context.CancelFunc
	ended sync.WaitGroup
}

// join counts a watch in, and begins to listen for the first one.
func (f *File) join() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.open(); err != nil {
		return err
	}
	if f.watches++; f.watches == 1 {
		ctx, stop := context.WithCancel(context.Background())
		l := &fileListener{stop: stop}
		l.ended.Go(func() { f.listen(ctx) })
		f.listener = l
	}
	return nil
}

// leave counts a watch out. With the last one, nothing is left running.
func (f *File) leave() {
	f.mu.Lock()
	f.watches--
	last, l := f.watches == 0, f.listener
	f.mu.Unlock()
	if last {
		l.stop()
		l.ended.Wait()
	}
}

// listen rings the cells by the system's notices, and by looking as long as it
// gives none: there may be too many listeners, or the directory may be gone.
func (f *File) listen(ctx context.Context) {
	for ctx.Err() == nil {
		if n, err := newNotices(f.dir); err == nil {
			n.run(ctx, f.ring)
		}
		f.poll(ctx)
	}
}

// poll looks at the memory of every cell for a while.
func (f *File) poll(ctx context.Context) {
	ticker := time.NewTicker(pollPause)
	defer ticker.Stop()
	f.ring("")
	last := make(map[*fileCell]heads)
	for range checkPause / pollPause {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		for _, c := range *f.cells.Load() {
			if now, ok := c.heads(); !ok || now != last[c] {
				last[c] = now
				c.recordChanged.ring()
			}
		}
	}
}

// heads are the heads in the file, if it is mapped and can be read.
func (c *fileCell) heads() (h heads, ok bool) {
	m := c.current.Load()
	if m == nil || !m.acquire() {
		return heads{}, false
	}
	defer m.release()
	h, err := m.heads()
	return h, err == nil
}

// ring wakes the watchers of one file, or of all of them if it has no name.
func (f *File) ring(name string) {
	for _, c := range *f.cells.Load() {
		if name == "" || name == c.name {
			c.recordChanged.ring()
		}
		if name == "" || isMember(name, c.name) {
			c.clientsChanged.ring()
		}
	}
}
