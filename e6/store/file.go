package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
)

// FileOptions configures the directory of a File. The zero value is ready to
// use.
type FileOptions struct {
	// Dir is the directory of the files, on a local file system. It is made, with
	// mode 0700, if it does not exist. It must belong to the user of the process,
	// and no other user may be able to write to it.
	//
	// By default it is "e6data" in $XDG_RUNTIME_DIR, if that is a directory of the
	// user, and otherwise in the user's cache directory (os.UserCacheDir).
	Dir string
}

// File is a store for the processes of one user on one host. It keeps a file of
// 8 KiB for each cluster, which every process maps into its memory: a read takes
// no lock and never waits. A small file beside it lists a client that has joined.
//
// A process may be killed at any instant, and a file may be cut off, overwritten
// or removed: a record that cannot be read counts as absent, and the next
// CompareAndSwap repairs it. Versions go on growing after that as long as one
// process lives that has seen the last one: the first version after a repair may
// then be more than one above the old one.
type File struct {
	dir   string
	cells atomic.Pointer[map[string]*fileCell] // copied to be changed

	mu       sync.Mutex // of what follows, and of changes to cells
	watches  int        // that go on
	listener *fileListener
	closed   chan struct{} // closed by Close

	members sync.WaitGroup // the goroutines of the clients that have joined
}

var _ Store = (*File)(nil)

// errFileClosed is for every call of a store that is closed.
var errFileClosed = fmt.Errorf("store: %w", os.ErrClosed)

// OpenFile opens the store of the user's processes on this host. It refuses a
// directory that others could write to, or that belongs to another user, with
// an *UnsafePathError. On a system without a suitable kind of shared memory the
// error is errors.ErrUnsupported.
func OpenFile(opts FileOptions) (*File, error) {
	if !fileSupported {
		return nil, fmt.Errorf("store: files on this system: %w", errors.ErrUnsupported)
	}
	dir := opts.Dir
	if dir == "" {
		var err error
		if dir, err = defaultDir(); err != nil {
			return nil, fmt.Errorf("store: no directory for the files: %w: set FileOptions.Dir", err)
		}
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	if err := checkDir(dir, true); err != nil {
		return nil, err
	}
	f := &File{dir: dir, closed: make(chan struct{})}
	f.cells.Store(&map[string]*fileCell{})
	return f, nil
}

// Dir is the directory of the files.
func (f *File) Dir() string { return f.dir }

// Path is the file of one cluster. Its name is made of a hash of the cluster and
// of the version of the format, so that programs of different versions do not
// treat each other's files as damaged.
func (f *File) Path(cluster string) string { return filepath.Join(f.dir, fileName(cluster)) }

// Load implements Store. As long as nothing has changed it allocates nothing and
// calls the system at most once a second, to see whether the file was removed.
func (f *File) Load(ctx context.Context, cluster string) (Record, error) {
	if err := ctx.Err(); err != nil {
		return Record{}, err
	}
	c, err := f.cell(cluster)
	if err != nil {
		return Record{}, err
	}
	s, err := c.read(ctx)
	return s.record, err
}

// CompareAndSwap implements Store. Writers are serialized by a lock that the system
// releases when its process ends; a writer that is suspended while it holds
// the lock keeps the others waiting until their contexts end.
func (f *File) CompareAndSwap(ctx context.Context, cluster string, old uint64, next Record) (Record, error) {
	if err := ctx.Err(); err != nil {
		return Record{}, err
	}
	c, err := f.cell(cluster)
	if err != nil {
		return Record{}, err
	}
	return c.swap(ctx, func(current Record) (Record, error) {
		if current.Version != old {
			return current, ErrConflict
		}
		return next, nil
	})
}

// Watch implements Store. On Linux inotify reports every change; elsewhere
// the memory is polled every 20 ms. It ends with os.ErrClosed when the store
// is closed.
func (f *File) Watch(ctx context.Context, cluster string, fn func(Record)) error {
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
	var lastSeen uint64
	for {
		changed := c.recordChanged.get()
		record, err := c.look(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return err
		case record.Version > lastSeen:
			lastSeen = record.Version
			fn(record)
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

// Close ends all watches with os.ErrClosed, takes the clients of this File off the lists,
// and unmaps the files of records; they stay where they are. Later calls of the store's
// methods fail with os.ErrClosed.
func (f *File) Close() error {
	if err := f.close(); err != nil {
		return err
	}
	f.members.Wait()
	return nil
}

func (f *File) close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.open(); err != nil {
		return err
	}
	close(f.closed)
	for _, c := range *f.cells.Load() {
		c.drop(c.current.Load())
	}
	return nil
}

// open returns an error once the store is closed.
func (f *File) open() error {
	select {
	case <-f.closed:
		return errFileClosed
	default:
		return nil
	}
}

// cell returns the cluster's cell, without a lock if it is known already.
func (f *File) cell(cluster string) (*fileCell, error) {
	if err := f.open(); err != nil {
		return nil, err
	}
	if c := (*f.cells.Load())[cluster]; c != nil {
		return c, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	known := *f.cells.Load()
	if c := known[cluster]; c != nil {
		return c, nil
	}
	c := newFileCell(f, fileName(cluster))
	larger := maps.Clone(known)
	larger[cluster] = c
	f.cells.Store(&larger)
	return c, nil
}
