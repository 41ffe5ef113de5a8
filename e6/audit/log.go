package audit

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/e6data/e6data-go/e6/events"
)

// The defaults of Options.
const (
	DefaultKeepStrategy    = 90 * day
	DefaultKeepErrors      = 30 * day
	DefaultKeepPerformance = 7 * day
	DefaultMaxSize         = 100 << 20
	DefaultMaxFiles        = 100
	DefaultQueue           = 8192
	DefaultCloseTimeout    = 5 * time.Second

	day = 24 * time.Hour
)

// Options configures a Log. The zero value is ready to use.
type Options struct {
	// KeepStrategy, KeepErrors and KeepPerformance are how long the records of a class are
	// kept: a file is removed within a day after its day, in UTC, ended longer ago. Default:
	// DefaultKeepStrategy, DefaultKeepErrors and DefaultKeepPerformance. At least 24 hours.
	KeepStrategy, KeepErrors, KeepPerformance time.Duration
	// MaxSize is the size in bytes after which a new file begins. Default: DefaultMaxSize.
	// At least 4096.
	MaxSize int64
	// MaxFiles is the maximum number of files of a class: the oldest is removed. Default:
	// DefaultMaxFiles. At least 2.
	MaxFiles int
	// Queue is the number of records that wait for the disk. Default: DefaultQueue.
	Queue int
	// CloseTimeout limits how long Close waits for the disk. Default: DefaultCloseTimeout.
	CloseTimeout time.Duration
}

// withDefaults fills in what is left out, and refuses what is too small.
func (o Options) withDefaults() (Options, error) {
	var errs []error
	errs = append(errs,
		fill("KeepStrategy", &o.KeepStrategy, DefaultKeepStrategy, day),
		fill("KeepErrors", &o.KeepErrors, DefaultKeepErrors, day),
		fill("KeepPerformance", &o.KeepPerformance, DefaultKeepPerformance, day),
		fill("MaxSize", &o.MaxSize, DefaultMaxSize, 4096),
		fill("MaxFiles", &o.MaxFiles, DefaultMaxFiles, 2),
		fill("Queue", &o.Queue, DefaultQueue, 1),
		fill("CloseTimeout", &o.CloseTimeout, DefaultCloseTimeout, time.Millisecond))
	return o, errors.Join(errs...)
}

func fill[T int | int64 | time.Duration](name string, value *T, byDefault, least T) error {
	if *value == 0 {
		*value = byDefault
	}
	if *value < least {
		return fmt.Errorf("audit: Options.%s is %v: want %v or more", name, *value, least)
	}
	return nil
}

// Log is an open audit log. Its methods may be called concurrently.
type Log struct {
	dir  string
	opts Options
	open func(path string) (file, error)

	queue   chan entry
	mu      sync.RWMutex // held for reading while a record is put into the queue
	closed  bool
	ended   chan struct{} // closed when the queue is written
	dropped atomic.Uint64
	written atomic.Uint64
	failed  atomic.Uint64
	lastErr atomic.Pointer[error]
}

// entry is a record in the queue.
type entry struct {
	class Class
	Record
}

// Stats are the counts of a log.
type Stats struct {
	// Written counts the records that are in the files.
	Written uint64
	// Dropped counts those that were dropped because the queue was full, or the log closed.
	Dropped uint64
	// Failed counts those that could not be written, and Err is the error of the last one.
	Failed uint64
	Err    error
}

// Open opens the audit log in a directory, which it makes with mode 0700 if it does not
// exist. The errors are those of the options, all at once, and of the directory.
func Open(dir string, opts Options) (*Log, error) { return openWith(dir, opts, openFile) }

func openWith(dir string, opts Options, open func(string) (file, error)) (*Log, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("audit: make the directory: %w", err)
	}
	l := &Log{dir: dir, opts: opts, open: open, queue: make(chan entry, opts.Queue), ended: make(chan struct{})}
	go l.write()
	return l, nil
}

// Dir is the directory of the files.
func (l *Log) Dir() string { return l.dir }

// Stats returns the counts.
func (l *Log) Stats() Stats {
	s := Stats{Written: l.written.Load(), Dropped: l.dropped.Load(), Failed: l.failed.Load()}
	if err := l.lastErr.Load(); err != nil {
		s.Err = *err
	}
	return s
}

// put puts a record into the queue. It never blocks.
func (l *Log) put(class Class, r Record) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if !l.closed {
		select {
		case l.queue <- entry{class, r}:
			return
		default:
		}
	}
	l.dropped.Add(1)
}

// Close writes the queue and closes the files. It returns after Options.CloseTimeout at
// the latest, with an error that counts the records that still wait for the disk. A second
// call does the same.
func (l *Log) Close() error {
	l.mu.Lock()
	if !l.closed {
		l.closed = true
		close(l.queue)
	}
	l.mu.Unlock()
	timeout := time.NewTimer(l.opts.CloseTimeout)
	defer timeout.Stop()
	select {
	case <-l.ended:
		return nil
	case <-timeout.C:
		return fmt.Errorf("audit: close %s: %d records still wait for the disk after %s", l.dir, len(l.queue), l.opts.CloseTimeout)
	}
}

// cleanEvery is the time after which a new day is noticed, and old files are removed.
const cleanEvery = time.Hour

// write writes the records of the queue until it is closed.
func (l *Log) write() {
	defer close(l.ended)
	files := make(map[Class]*rotated)
	for class, keep := range map[Class]time.Duration{
		ClassStrategy: l.opts.KeepStrategy, ClassErrors: l.opts.KeepErrors, ClassPerformance: l.opts.KeepPerformance,
	} {
		files[class] = &rotated{dir: l.dir, class: class, keep: keep, maxSize: l.opts.MaxSize, maxFiles: l.opts.MaxFiles, open: l.open}
	}
	cleaned := ""
	clean := func() {
		now := time.Now()
		if today := now.UTC().Format(dayFormat); today != cleaned {
			cleaned = today
			for _, f := range files {
				l.note(f.clean(now))
			}
		}
	}
	clean()
	defer func() {
		for _, f := range files {
			l.note(f.close())
		}
	}()
	hourly := time.NewTicker(cleanEvery)
	defer hourly.Stop()
	var reported uint64 // dropped records that the log has
	for {
		select {
		case e, more := <-l.queue:
			if dropped := l.dropped.Load(); dropped > reported {
				l.append(files, entry{ClassErrors, droppedRecord(dropped - reported)})
				reported = dropped
			}
			if !more {
				return
			}
			l.append(files, e)
		case <-hourly.C:
			clean()
		}
	}
}

func droppedRecord(n uint64) Record {
	return Record{
		Time: time.Now(), Level: slog.LevelWarn.String(), Component: string(events.ComponentClient), Event: EventDropped,
		Details: map[string]any{"count": n},
	}
}

// append writes one record.
func (l *Log) append(files map[Class]*rotated, e entry) {
	line, err := json.Marshal(e.Record)
	if err == nil {
		err = files[e.class].write(time.Now(), append(line, '\n'))
	}
	if err != nil {
		l.failed.Add(1)
		l.note(err)
		return
	}
	l.written.Add(1)
}

// note keeps an error for Stats.
func (l *Log) note(err error) {
	if err != nil {
		err = fmt.Errorf("audit: %w", err)
		l.lastErr.Store(&err)
	}
}
