package recorder

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/e6/internal/ring"
)

// DefaultSize is the size of a recording in bytes.
const DefaultSize = 8 << 20

// The lanes of a recording. Many queries or events do not overwrite the messages of the
// router, which are rare.
const (
	laneRouter = iota
	laneEvents
	laneQueries
)

// shares are the parts of the file that the lanes get.
var shares = []int{2, 1, 1}

// MinSize is the smallest size of a recording in bytes.
var MinSize = ring.MinSize(shares)

// A Recorder writes the recording of one client: see e6.WithRecorder, which opens it. Its
// methods may be called by any goroutine. Open, Record, CheckpointEvery, Event, QueryStart,
// QueryEnd, Inline and Close are for the client.
type Recorder struct {
	path    string // empty: in memory
	size    int
	plain   bool
	mu      sync.Mutex
	ring    atomic.Pointer[ring.Ring]
	dropped atomic.Uint64
}

var (
	_ hook.QueryHook  = (*Recorder)(nil)
	_ hook.InlineHook = (*Recorder)(nil)
)

// An Option changes a Recorder.
type Option func(*Recorder)

// Size sets the size of the recording in bytes, rounded down to 32 KiB. Default:
// DefaultSize. Minimum: MinSize.
func Size(bytes int) Option { return func(r *Recorder) { r.size = bytes } }

// PlainQueryIDs records query ids as they are. Default: their hashes, see HashQueryID.
func PlainQueryIDs() Option { return func(r *Recorder) { r.plain = true } }

// File returns a recorder that writes to a file. The client creates the file, with mode
// 0600, or continues it: the records of an earlier process stay. A recording of another
// size or version is renamed: its name gets the suffix ".old". Each client needs a file of
// its own; e6.Open fails with ErrInUse if another recorder writes to it.
func File(path string, opts ...Option) *Recorder { return newRecorder(path, opts) }

// Memory returns a recorder without a file, for tests: see Recorder.Recording.
func Memory(opts ...Option) *Recorder { return newRecorder("", opts) }

func newRecorder(path string, opts []Option) *Recorder {
	r := &Recorder{path: path, size: DefaultSize}
	for _, o := range opts {
		if o != nil {
			o(r)
		}
	}
	return r
}

// ErrInUse is returned by Open if another recorder writes to the file.
var ErrInUse = ring.ErrInUse

// Open opens the recording. It returns an ErrInUse for a second call before Close.
func (r *Recorder) Open() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ring.Load() != nil {
		return fmt.Errorf("recorder: %w", ErrInUse)
	}
	var opened *ring.Ring
	var err error
	if r.path == "" {
		opened, err = ring.NewMemory(r.size, shares...)
	} else {
		opened, err = ring.Open(r.path, r.size, shares...)
	}
	if err != nil {
		return fmt.Errorf("recorder: %w", err)
	}
	r.ring.Store(opened)
	return nil
}

// Close closes the file. A recording in memory can still be read. Close is idempotent, and
// does nothing for a nil Recorder.
func (r *Recorder) Close() error {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	opened := r.ring.Load()
	if opened == nil {
		return nil
	}
	if r.path != "" {
		r.ring.Store(nil)
	}
	return opened.Close()
}

// Dropped is the number of records that could not be written: the file was cut off, the
// disk failed, a record was too long, or the recorder was closed.
func (r *Recorder) Dropped() uint64 { return r.dropped.Load() }

// Recording returns what was recorded so far.
func (r *Recorder) Recording() (*Recording, error) {
	opened := r.ring.Load()
	if opened == nil {
		if r.path == "" {
			return nil, errors.New("recorder: the recorder was never opened")
		}
		return Read(r.path)
	}
	image, err := opened.Bytes()
	if err != nil {
		return nil, fmt.Errorf("recorder: %w", err)
	}
	return Parse(image)
}

func (r *Recorder) append(lane int, record []byte) {
	if opened := r.ring.Load(); opened == nil || opened.Append(lane, record) != nil {
		r.dropped.Add(1)
	}
}

// buffers are the buffers of records under way.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// Record writes a record of the router.
func (r *Recorder) Record(kind byte, data []byte) {
	buffer := buffers.Get().(*[]byte)
	*buffer = append(append((*buffer)[:0], kind), data...)
	r.append(laneRouter, *buffer)
	buffers.Put(buffer)
}

// CheckpointEvery is the number of bytes of messages after which the router writes its
// state again, so that the file always has the begin of a replay.
func (r *Recorder) CheckpointEvery() int {
	if opened := r.ring.Load(); opened != nil {
		return opened.LaneSize(laneRouter) / 4
	}
	return DefaultSize
}

// Event writes an event.
func (r *Recorder) Event(e events.Event) { r.append(laneEvents, r.eventRecord(e)) }

// QueryStart implements hook.QueryHook.
func (r *Recorder) QueryStart(context.Context, hook.QueryStart) context.Context { return nil }

// QueryEnd implements hook.QueryHook: it writes the outcome of a query.
func (r *Recorder) QueryEnd(_ context.Context, e hook.QueryEnd) {
	buffer := buffers.Get().(*[]byte)
	*buffer = r.appendQuery((*buffer)[:0], time.Now(), e)
	r.append(laneQueries, *buffer)
	buffers.Put(buffer)
}

// Inline implements hook.InlineHook: a record costs less than a change of the goroutine.
func (r *Recorder) Inline(context.Context, string) bool { return true }
