package exec

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

// continuation checks that a replay begins with the rows that the caller has, and removes
// these rows from the replay, so that the caller gets the rows that follow. The hashes are
// compared at the last of these rows.
type continuation struct {
	want   delivered
	fields []vector.Field
	seen   vector.Hash // of the rows of the replay
}

// skip compares and skips the rows of the batch that the caller has, and reports whether
// they include the last of them.
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

// replayDiffers is the reason why a replay cannot continue the rows that the caller has.
type replayDiffers struct {
	reason LossReason
	column string // that differs, for LossRows
}

// Error implements error.
func (d *replayDiffers) Error() string { return d.reason.Describe(d.column) }

// newRecord returns the record of the rows that reach the caller, and nil for a result that
// may not be continued.
func (r *run) newRecord() *record {
	if !r.readOnly() || r.st.Replay == ReplayNever {
		return nil
	}
	return &record{window: int64(r.x.ContinueWindow), beyond: r.st.Replay == ReplayContinue}
}

// continueFrom prepares for a replay that continues the rows that the caller has, which may
// be none.
func (r *run) continueFrom(have delivered, a *attempt, cause error) {
	if have.rows > r.have.rows {
		r.replenish()
	}
	r.have, r.cut, r.cutCause = have, a, cause
	r.expect()
}

// expect makes the next attempt verify the rows that the caller has.
func (r *run) expect() {
	r.check, r.continuedAt = nil, time.Time{}
	if r.have.rows > 0 {
		r.check = &continuation{want: r.have}
	}
}

// verify removes the rows that the caller has from a batch. The batch is empty if it holds
// no others.
func (r *run) verify(a *attempt, b *vector.Batch) error {
	if r.check == nil {
		return nil
	}
	done, err := r.check.skip(b)
	if !done {
		return err
	}
	r.check, r.continuedAt = nil, time.Now()
	r.continued++
	r.x.counters.continued.Add(1)
	r.x.bus.Publish(causeOf(r.trace, r.cutCause), events.QueryContinued{
		QueryID: r.cut.id(), Tag: r.st.Tag, From: r.cut.pin.Side, To: a.pin.Side,
		RowsVerified: r.have.rows, Attempt: r.replays})
	return nil
}

// unfinished is the error of a replay that ended before the last row that the caller has.
func (r *run) unfinished() error {
	if r.check == nil {
		return nil
	}
	return &replayDiffers{reason: LossShorter}
}

// buffer returns a batch to decode into.
func (r *run) buffer() *vector.Batch {
	if b := r.skipped; b != nil {
		r.skipped = nil
		return b
	}
	return r.to.buffer()
}
