package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/e6data/e6data-go/e6/internal/filemap"
)

// fileMember is the presence of one client: a file beside that of its cluster, which is
// locked while the client is listed. The system releases the lock when the process ends,
// however it ends, so that there is no lease and no clock: a file whose lock is free is that
// of a dead process, and a process that is suspended stays listed.
type fileMember struct {
	store *File
	name  string // the first part of the path of each of its files
	id    string
	leave context.CancelFunc
	ended chan struct{} // closed when the client is off the list

	mu   sync.Mutex // of what follows
	self Client
	path string
	file *os.File // with the lock; nil: the client is not listed yet, or no more
	gone bool     // the client has left
}

var (
	_ Presence = (*File)(nil)
	_ Member   = (*fileMember)(nil)
)

// Join implements Presence. The client is listed until it leaves, the store is closed or the
// process ends. If its file is removed, or could not be written, it is written again within a
// second. The errors are that the store is closed, that self is too long, and an
// *UnsafePathError.
func (f *File) Join(cluster string, self Client) (Member, error) {
	self = self.WithDefaults()
	if _, err := encodeMember(self); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.open(); err != nil {
		return nil, err
	}
	ctx, leave := context.WithCancel(context.Background())
	m := &fileMember{store: f, name: f.Path(cluster), id: self.ID, self: self, leave: leave, ended: make(chan struct{})}
	if err, unsafe := errors.AsType[*UnsafePathError](m.publish()); unsafe {
		leave()
		return nil, err
	}
	f.members.Go(func() {
		defer close(m.ended)
		m.stay(ctx)
	})
	return m, nil
}

// ID implements Member.
func (m *fileMember) ID() string { return m.id }

// Show implements Member.
func (m *fileMember) Show(now Status) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.gone || m.self.Status() == now {
		return
	}
	m.self = m.self.WithStatus(now)
	_ = m.write() // otherwise stay writes it
}

// Leave implements Member.
func (m *fileMember) Leave(ctx context.Context) error {
	m.leave()
	select {
	case <-m.ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("store: leave: %w", ctx.Err())
	}
}

// stay keeps the client listed until ctx ends or the store is closed.
func (m *fileMember) stay(ctx context.Context) {
	check := time.NewTicker(checkPause)
	defer check.Stop()
	for {
		select {
		case <-check.C:
			_ = m.publish() // it is tried again at the next check
			continue
		case <-ctx.Done():
		case <-m.store.closed:
		}
		break
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.gone = true
	if m.file != nil {
		removeMember(m.path, m.file)
	}
}

// publish writes the file if it is missing.
func (m *fileMember) publish() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.file != nil && sameFile(m.path, m.file) {
		return nil
	}
	return m.write()
}

// write writes the client as it is now. Its caller holds the lock.
func (m *fileMember) write() error {
	text, err := encodeMember(m.self)
	if err != nil {
		return err
	}
	if m.file != nil {
		if sameFile(m.path, m.file) {
			if _, err = m.file.WriteAt(text, 0); err == nil {
				return nil
			}
		}
		_ = m.file.Close() // it was removed, or the disk is full
		m.file = nil
	}
	m.path, m.file, err = createMember(m.name, text)
	return err
}

// createAttempts limits how often a file is created that a reader takes for that of a dead
// process: it has no lock before it has its content.
const createAttempts = 10

// createMember creates a file with a content and its lock. No name is used again: a reader
// that removes the file of a dead process cannot meet another one.
func createMember(name string, text []byte) (path string, file *os.File, err error) {
	for range createAttempts {
		path = name + memberName()
		if file, err = openOwn(path, true); err != nil {
			return "", nil, err
		}
		_, err = file.WriteAt(text, 0)
		locked := false
		if err == nil {
			locked, err = filemap.TryLock(file)
		}
		if locked && sameFile(path, file) {
			return path, file, nil
		}
		removeMember(path, file)
		if err != nil {
			return "", nil, fmt.Errorf("store: %s: %w", path, err)
		}
	}
	return "", nil, fmt.Errorf("store: %s: other processes remove the files of its clients", name)
}

// removeMember removes and closes a file. Windows does not remove a file that is open.
func removeMember(path string, file *os.File) {
	if runtime.GOOS == "windows" {
		_ = file.Close()
		_ = os.Remove(path)
		return
	}
	_ = os.Remove(path)
	_ = file.Close()
}

// sameFile reports whether an open file still is the one with that name.
func sameFile(path string, file *os.File) bool {
	named, err := os.Lstat(path)
	if err != nil {
		return false
	}
	opened, err := file.Stat()
	return err == nil && os.SameFile(named, opened)
}

// Clients implements Presence. It removes the files of processes that have ended.
func (f *File) Clients(ctx context.Context, cluster string) ([]Client, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := f.open(); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(f.dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("store: list the clients: %w", err)
	}
	var all []Client
	for _, e := range entries {
		if !isMember(e.Name(), fileName(cluster)) {
			continue
		}
		c, listed, err := readMember(ctx, f.dir, e.Name())
		if err != nil {
			return nil, err
		}
		if listed {
			all = append(all, c)
		}
	}
	slices.SortFunc(all, byArrival)
	return all, nil
}

// WatchClients implements Presence. On Linux inotify reports every change but the end of a
// process, which is noticed within a second; elsewhere all changes are.
func (f *File) WatchClients(ctx context.Context, cluster string, fn func([]Client)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c, err := f.cell(cluster)
	if err != nil {
		return err
	}
	if err := f.join(); err != nil {
		return err
	}
	defer f.leave()
	for last, first := []Client(nil), true; ; first = false {
		changed := c.clientsChanged.get()
		all, err := f.Clients(ctx, cluster)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return err
		case first || !slices.Equal(all, last):
			last = slices.Clone(all)
			fn(all)
		}
		select {
		case <-changed:
		case <-f.closed:
			return errFileClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
