package playground

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
)

// The load: lookups, and exports whose rows are read slowly. The exports start at different
// times, so that each cutover meets one. A browser runs all of it on one thread.
const (
	lookups    = 3
	exports    = 2
	exportRows = 150
	batchRows  = 10
	batchPause = 200 * time.Millisecond
	// failurePause is the pause of a caller after a failed query or a wrong result.
	failurePause = 500 * time.Millisecond
)

// load runs queries while it is started.
type load struct {
	client  *e6.Client
	queries *queries

	mu     sync.Mutex
	cancel context.CancelFunc // nil while it is stopped
	done   sync.WaitGroup
}

func newLoad(client *e6.Client, q *queries) *load { return &load{client: client, queries: q} }

func (l *load) running() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cancel != nil
}

// start starts the load, if it is stopped.
func (l *load) start() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cancel != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	for i := range lookups {
		l.done.Go(func() { l.repeat(ctx, fmt.Sprintf("lookup %c", 'a'+i), l.lookup) })
	}
	for i := range exports {
		l.done.Go(func() {
			pause(ctx, time.Duration(i)*exportRows/batchRows*batchPause/exports)
			l.repeat(ctx, fmt.Sprintf("export %c", 'a'+i), l.export)
		})
	}
}

// stop cancels the running queries and waits for their callers. It does not overlap with start.
func (l *load) stop() {
	l.mu.Lock()
	if l.cancel != nil {
		l.cancel()
		l.cancel = nil
	}
	l.mu.Unlock()
	l.done.Wait()
}

// repeat runs a query over and over, and counts each wrong result. The query returns whether its
// result is correct; after an error it is not.
func (l *load) repeat(ctx context.Context, name string, query func(context.Context) (bool, error)) {
	for n := 1; ctx.Err() == nil; n++ {
		correct, err := query(e6.WithQueryOptions(ctx, e6.Tag(fmt.Sprintf("%s %d", name, n))))
		if err == nil && !correct {
			l.queries.addWrong()
		}
		if !correct {
			pause(ctx, failurePause)
		}
	}
}

// lookup is a query of one row that takes a moment.
func (l *load) lookup(ctx context.Context) (correct bool, err error) {
	want := 100 + rand.Int64N(300)
	got, err := e6.QueryAll[int64](ctx, l.client, fmt.Sprintf("SELECT sleep(%d)", want))
	return err == nil && len(got) == 1 && got[0] == want, err
}

// export reads a result batch by batch, with a pause after each.
func (l *load) export(ctx context.Context) (correct bool, err error) {
	rows, err := l.client.Query(ctx, fmt.Sprintf("SELECT * FROM numbers(%d)", exportRows))
	if err != nil {
		return false, err
	}
	defer rows.Close()
	n := 0
	for correct = true; rows.Next(); n++ {
		var number int64
		var text string
		if err := rows.Scan(&number, &text); err != nil {
			return false, err
		}
		correct = correct && number == int64(n) && text == e6test.NumbersText(n)
		if n%batchRows == batchRows-1 {
			pause(ctx, batchPause)
		}
	}
	return correct && n == exportRows && rows.Err() == nil, rows.Err()
}

// pause lets time pass, until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
