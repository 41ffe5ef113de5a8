package conformance

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
)

const workers = 16

// A load is reads and writes that go on until it is stopped. Each statement ends by itself
// and is setVersion: a statement that was stopped proves nothing.
type load struct {
	client  *e6.Client
	timeout time.Duration // of one statement
	pause   time.Duration // between two statements of a goroutine
	done    atomic.Int64
	writes  atomic.Int64
	stop    context.CancelFunc
	running sync.WaitGroup

	mu       sync.Mutex
	cutOff   []error         // writes whose effect is unknown: no rule saves them
	failed   []error         // every other failure
	wrong    []string        // wrong rows
	outcomes map[int64]error // of the writes, by the number that each inserts
}

func newLoad(client *e6.Client) *load {
	return &load{client: client, timeout: patience / 2, outcomes: map[int64]error{}}
}

func (l *load) start(ctx context.Context) {
	ctx, l.stop = context.WithCancel(ctx)
	for w := range workers {
		l.running.Go(func() {
			for n := w; ctx.Err() == nil; n++ {
				l.one(n)
				if l.pause > 0 {
					time.Sleep(l.pause)
				}
			}
		})
	}
}

// end stops the load, and waits for its statements.
func (l *load) end() {
	l.stop()
	l.running.Wait()
}

// one runs a statement.
func (l *load) one(n int) {
	ctx, cancel := context.WithTimeout(context.Background(), l.timeout)
	defer cancel()
	defer l.done.Add(1)
	var got int64
	var err error
	switch n % 4 {
	case 0:
		id := l.writes.Add(1)
		err = l.client.Exec(ctx, fmt.Sprintf("INSERT INTO log VALUES (%d)", id))
		l.mu.Lock()
		l.outcomes[id] = err
		l.mu.Unlock()
	case 1:
		got, err = l.stream(ctx, int64(n%200), false)
	case 2:
		got, err = l.stream(ctx, int64(200+n%100), true)
	default:
		got, err = l.everything(ctx, int64(n%60))
	}
	if err == nil {
		return
	}
	err = fmt.Errorf("statement of kind %d after %d rows: %w", n%4, got, err)
	l.mu.Lock()
	defer l.mu.Unlock()
	cut, typed := errors.AsType[*e6.CutoverError](err)
	switch {
	case typed && cut.RowsDelivered != got:
		l.wrong = append(l.wrong, fmt.Sprintf("%d rows were read, and the error has another number: %v", got, err))
	case typed && n%4 == 0 && cut.MayHaveTakenEffect: // a read is replayed or continued
		l.cutOff = append(l.cutOff, err)
	case errors.As(err, new(mismatch)):
		l.wrong = append(l.wrong, err.Error())
	default:
		l.failed = append(l.failed, err)
	}
}

// A mismatch is a row that is not the one expected.
type mismatch struct{ error }

// stream reads row by row.
func (l *load) stream(ctx context.Context, want int64, slowly bool) (got int64, err error) {
	rows, err := l.client.Query(ctx, fmt.Sprintf("SELECT * FROM numbers(%d)", want))
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var n int64
		var text string
		if err := rows.Scan(&n, &text); err != nil {
			return got, mismatch{err}
		}
		if n != got || text != e6test.NumbersText(int(n)) {
			return got, mismatch{fmt.Errorf("row %d is %d, %q", got, n, text)}
		}
		got++
		if slowly && got%64 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	if err := rows.Err(); err != nil {
		return got, err
	}
	if got != want {
		return got, mismatch{fmt.Errorf("%d rows of %d, without an error", got, want)}
	}
	return got, nil
}

// everything reads a result of every type as a whole.
func (l *load) everything(ctx context.Context, want int64) (int64, error) {
	result, err := l.client.QueryAll(ctx, fmt.Sprintf("SELECT * FROM everything(%d)", want))
	if err != nil {
		return 0, err
	}
	if int64(result.Len()) != want || len(result.Columns()) != e6test.EverythingColumns() {
		return 0, mismatch{fmt.Errorf("%d rows of %d, %d columns", result.Len(), want, len(result.Columns()))}
	}
	return 0, nil
}

// writesOnce checks the writes: a write that succeeded was executed once, and no other more
// than once.
func (l *load) writesOnce(inserted []int64) (problems []string) {
	count := map[int64]int{}
	for _, id := range inserted {
		count[id]++
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, err := range l.outcomes {
		switch n := count[id]; {
		case n > 1:
			problems = append(problems, fmt.Sprintf("write %d was executed %d times: %v", id, n, err))
		case n == 0 && err == nil:
			problems = append(problems, fmt.Sprintf("write %d succeeded and was not executed", id))
		case n == 1 && err != nil && e6.SafeToReplay(err):
			problems = append(problems, fmt.Sprintf("write %d was executed, and its error states that it may be repeated: %v", id, err))
		}
	}
	return problems
}
