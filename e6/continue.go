package e6

import (
	"fmt"
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/vector"
)

// delivered is the part of a result that has reached the caller.
type delivered struct {
	rows int64
	// hash is over these rows. It is nil if the result cannot be continued: the statement
	// may write, its policy forbids it to run again, or they are more than the window.
	hash *vector.Hash
}

// continuation checks that a replay begins with the rows that the caller has, and takes
// them out of the replay, so that the caller gets what follows them. Their hashes are
// compared at the last one of them.
type continuation struct {
	want   delivered
	fields []vector.Field
	seen   vector.Hash // of the rows of the replay
}

// skip compares and skips those rows of the batch that the caller has, and reports whether
// these were the last ones.
func (c *continuation) skip(b *vector.Batch) (done bool, err error) {
	n := int(min(c.want.rows-c.seen.Rows(), int64(b.Rows())))
	c.seen.Add(b, n)
	b.Skip(n)
	if c.seen.Rows() < c.want.rows {
		return false, nil
	}
	if column := c.want.hash.Diff(&c.seen); column >= 0 {
		return false, &replayDiffers{reason: LossRows, column: columnName(c.fields, column)}
	}
	return true, nil
}

func columnName(fields []vector.Field, i int) string {
	if i < len(fields) {
		return fields[i].Name
	}
	return fmt.Sprint(i)
}

// replayDiffers is why a replay cannot continue what the caller has.
type replayDiffers struct {
	reason LossReason
	column string // that differs, for LossRows
}

// Error implements error.
func (d *replayDiffers) Error() string { return d.reason.describe(d.column) }

// newRecord makes the record of the rows that reach the caller. It is nil for a result that
// may not be continued.
func (q *query) newRecord() *record {
	if q.running != nil || !q.readOnly() || q.opts.replay == ReplayNever {
		return nil
	}
	return &record{window: int64(q.c.cfg.ContinueWindow), beyond: q.opts.replay == ReplayContinue}
}

// resume prepares for a replay that continues what the caller has, which may be nothing.
func (q *query) resume(have delivered, x *execution, failed error) {
	if have.rows > q.have.rows {
		// The last executions brought the result forward: the next ones have the budget
		// of a new statement.
		q.attempts, q.refusals, q.suspensions = 0, 0, 0
	}
	q.have, q.ran, q.failed = have, x, failed
	q.expect()
}

// expect makes the next execution verify what the caller has.
func (q *query) expect() {
	q.check, q.continuedAt = nil, time.Time{}
	if q.have.rows > 0 {
		q.check = &continuation{want: q.have}
	}
}

// verify takes the rows that the caller has from a batch. The batch is empty if they are
// all that it held.
func (q *query) verify(x *execution, b *vector.Batch) error {
	if q.check == nil {
		return nil
	}
	done, err := q.check.skip(b)
	if !done {
		return err
	}
	q.check, q.continuedAt = nil, time.Now()
	q.continued++
	q.c.stats.continued.Add(1)
	q.c.bus.Publish(causeOf(q.ctx, q.failed), events.QueryContinued{
		QueryID: q.ran.queryID, Tag: q.opts.tag, From: q.ran.pin.Side, To: x.pin.Side,
		RowsVerified: q.have.rows, Attempt: q.replays})
	return nil
}

// unfinished is the error of a replay that has ended before it came to the last row that
// the caller has.
func (q *query) unfinished() error {
	if q.check == nil {
		return nil
	}
	return &replayDiffers{reason: LossShorter}
}

// spare returns a batch to decode into.
func (q *query) spare(to sink) *vector.Batch {
	if b := q.skipped; b != nil {
		q.skipped = nil
		return b
	}
	return to.spare()
}
