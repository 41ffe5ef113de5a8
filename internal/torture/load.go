package main

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/e6data/e6data-go/e6"
)

// patience is how long a query may take. Only a call that is never answered needs so
// long, also on a slow machine.
const patience = 15 * time.Second

// A load is queries of all sorts that run until they are stopped.
type load struct {
	client  *e6.Client
	db      *sql.DB // through the same cluster; nil leaves it out
	queries *atomic.Int64
	ended   atomic.Int64      // the number of queries that have ended
	written func(q int64) int // how often a write was executed; nil if it is not known
	record  *record
}

// run runs a number of workers until ctx ends, and returns when they have.
func (l *load) run(ctx context.Context, seed uint64, workers int) {
	var all sync.WaitGroup
	for w := range workers {
		r := rand.New(rand.NewPCG(seed, uint64(w)))
		all.Go(func() {
			for ctx.Err() == nil {
				l.query(r)
				pause(ctx, time.Duration(r.IntN(3))*time.Millisecond)
			}
		})
	}
	all.Wait()
}

// pause waits for some time, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// query runs one query and classifies its outcome. It ends by itself, and not with the
// load: a query that was stopped proves nothing.
func (l *load) query(r *rand.Rand) {
	q := l.queries.Add(1)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	began := time.Now()
	reading := &reading{query: q, want: int64(r.IntN(300)), changes: r.IntN(4) == 0}
	writes := false
	var err error
	switch r.IntN(10) {
	case 0:
		reading.want, reading.changes, writes = 1, true, true
		err = l.stream(ctx, reading, nil, fmt.Sprintf(writeSQL, q))
	case 1:
		reading.want, reading.changes = 1, true
		err = l.stream(ctx, reading, nil, fmt.Sprintf(slowSQL, q, r.IntN(80)))
	case 2, 3:
		err = l.whole(ctx, reading)
	case 4, 5:
		if l.db != nil {
			err = l.throughSQL(ctx, reading)
			break
		}
		fallthrough
	case 6:
		reading.changes = false
		err = l.stream(ctx, reading, nil, "SELECT ? FROM reads(?)", q, reading.want)
	case 7:
		reading.want += 500 // slowly, so that cutovers meet it
		err = l.stream(ctx, reading, r, reading.sql())
	default:
		err = l.stream(ctx, reading, nil, reading.sql())
	}
	executed := unknown
	if writes && l.written != nil {
		executed = l.written(q)
	}
	v, reason := reading.classify(err, writes, executed, l.record.during(began))
	l.record.end(v, reading.got, reason)
	l.ended.Add(1)
}

// A mismatch is a row that should not be where it is.
type mismatch struct{ error }

// stream reads row by row, with pauses if there is something to draw them from.
func (l *load) stream(ctx context.Context, to *reading, pauses *rand.Rand, statement string, args ...any) error {
	rows, err := l.client.Query(ctx, statement, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var execution, query, row int64
		var text string
		if err := rows.Scan(&execution, &query, &row, &text); err != nil {
			return mismatch{err}
		}
		if err := to.row(execution, query, row, text); err != nil {
			return mismatch{err}
		}
		if pauses != nil && to.got%64 == 0 {
			pause(ctx, time.Duration(pauses.IntN(4))*time.Millisecond)
		}
	}
	return rows.Err()
}

// whole reads everything before it looks at it, so that no row has reached the caller
// when the query fails.
func (l *load) whole(ctx context.Context, to *reading) error {
	result, err := l.client.QueryAll(ctx, to.sql())
	if err != nil {
		return err
	}
	for row := range result.Rows() {
		if err := to.row(row[0].(int64), row[1].(int64), row[2].(int64), row[3].(string)); err != nil {
			return mismatch{err}
		}
	}
	return nil
}

func (l *load) throughSQL(ctx context.Context, to *reading) error {
	rows, err := l.db.QueryContext(ctx, to.sql())
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var execution, query, row int64
		var text string
		if err := rows.Scan(&execution, &query, &row, &text); err != nil {
			return mismatch{err}
		}
		if err := to.row(execution, query, row, text); err != nil {
			return mismatch{err}
		}
	}
	return rows.Err()
}
