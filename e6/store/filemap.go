package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/e6data/e6data-go/e6/internal/filemap"
)

// A writer that has to wait for the lock retries after these pauses, which
// double.
const (
	firstLockPause = 50 * time.Microsecond
	lastLockPause  = 5 * time.Millisecond
)

// mapping is a file in the memory of this process. It is given back when its last
// user has released it.
type mapping struct {
	file    *os.File
	info    os.FileInfo
	memory  []byte
	close   func() error
	users   atomic.Int64
	checked atomic.Int64 // when it was last known not to be gone, since the process began
}

// heads are the heads of the two slots, as they are in memory.
type heads [2][headSize]byte

// errFault is for memory that has no file behind it any more.
var errFault = errors.New("the memory of the file cannot be read")

// openMapping opens and maps a file. A file that does not exist, or does not have
// its size, has no content: there is no mapping then, unless create is true:
// a writer creates the file.
func openMapping(ctx context.Context, path string, create bool) (*mapping, error) {
	file, err := openOwn(path, create)
	if !create && errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	m := &mapping{file: file}
	m.users.Store(1)
	if create {
		err = m.resize(ctx)
	}
	if err == nil {
		m.info, err = file.Stat()
	}
	if err == nil && m.info.Size() == fileSize {
		if m.memory, m.close, err = filemap.Map(file, fileSize, false); err == nil {
			m.checked.Store(int64(time.Since(began)))
			return m, nil
		}
	}
	_ = file.Close()
	if err != nil {
		return nil, fmt.Errorf("store: %s: %w", path, err)
	}
	return nil, nil
}

// resize fills a file with zeros that does not have its size, under the writers'
// lock. It writes them, as a hole in a file may turn out to have no room on the
// disk when it is filled.
func (m *mapping) resize(ctx context.Context) error {
	if info, err := m.file.Stat(); err != nil || info.Size() == fileSize {
		return err
	}
	if err := m.lock(ctx); err != nil {
		return err
	}
	defer m.unlock()
	if info, err := m.file.Stat(); err != nil || info.Size() == fileSize {
		return err
	}
	if err := m.file.Truncate(0); err != nil {
		return err
	}
	_, err := m.file.WriteAt(make([]byte, fileSize), 0)
	return err
}

// began is about the start of the process.
var began = time.Now()

// stale reports whether the file was removed or does not have its size. It calls
// the system at most once a second.
func (m *mapping) stale() bool {
	now, last := int64(time.Since(began)), m.checked.Load()
	return now-last > int64(checkPause) && m.checked.CompareAndSwap(last, now) && m.gone()
}

// acquire keeps the mapping for a user, unless it has been given back.
func (m *mapping) acquire() bool {
	for {
		n := m.users.Load()
		if n == 0 {
			return false
		}
		if m.users.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (m *mapping) release() {
	if m.users.Add(-1) == 0 {
		_ = m.close()
		_ = m.file.Close()
	}
}

// lock takes the writers' lock. The system has no way to wait for it and for a
// context at once.
func (m *mapping) lock(ctx context.Context) error {
	for pause := firstLockPause; ; pause = min(2*pause, lastLockPause) {
		taken, err := filemap.TryLock(m.file)
		if err != nil {
			return fmt.Errorf("lock: %w", err)
		}
		if taken {
			return nil
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("another process is writing: %w", ctx.Err())
		}
	}
}

func (m *mapping) unlock() { filemap.Unlock(m.file) }

// heads reads the heads of the slots. Like parse, it reads memory that others
// may be writing to, without an atomic load: what is torn has a wrong checksum,
// and what is late was true when the call began. An atomic load that faults
// would end the process if it was built with the race detector.
func (m *mapping) heads() (h heads, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() { err = fault(recover()) }()
	for slot := range h {
		h[slot] = *(*[headSize]byte)(m.memory[slot*slotSize:])
	}
	return h, nil
}

// parse copies the slots and reads the copy, as the memory may change meanwhile.
func (m *mapping) parse() (content, error) {
	image, err := m.image()
	if err != nil {
		return content{}, err
	}
	return parseFile(image[:]), nil
}

func (m *mapping) image() (image [fileSize]byte, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() { err = fault(recover()) }()
	copy(image[:], m.memory)
	return image, nil
}

// fault makes an error of the panic that a lost page causes. Any other panic
// goes on.
func fault(p any) error {
	if p == nil {
		return nil
	}
	if at, ok := p.(interface{ Addr() uintptr }); ok {
		return fmt.Errorf("%w (address %#x)", errFault, at.Addr())
	}
	panic(p)
}
