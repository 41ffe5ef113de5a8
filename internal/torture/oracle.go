package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/vector"
)

// A verdict is how a query ended.
type verdict string

// The verdicts.
const (
	right   verdict = "right answer"
	cutOff  verdict = "cut off, with a CutoverError" // after rows, or a write: no replay was possible
	broken  verdict = "noise, or cut short"          // with an error
	timeout verdict = "ran out of time"              // while nothing answered
	wrong   verdict = "WRONG"                        // anything else
)

var verdicts = []verdict{right, cutOff, broken, timeout, wrong}

// A reading checks the rows of one query as they come.
type reading struct {
	query, want int64
	changes     bool // the data is another one in each execution
	execution   int64
	got         int64
}

// row checks one row.
func (r *reading) row(execution, query, row int64, text string) error {
	if r.got == 0 {
		r.execution = execution
	}
	switch {
	case query != r.query:
		return fmt.Errorf("row %d is of query %d", r.got, query)
	case execution != 0 && !r.changes:
		return fmt.Errorf("row %d is of execution %d, and the data does not change", r.got, execution)
	case execution != r.execution:
		return fmt.Errorf("row %d is of execution %d, and those before are of execution %d", r.got, execution, r.execution)
	case row < r.got:
		return fmt.Errorf("row %d comes again after row %d", row, r.got-1)
	case row > r.got:
		return fmt.Errorf("row %d comes after row %d", row, r.got-1)
	case text != markedText(query, row):
		return fmt.Errorf("row %d has %q", row, text)
	}
	r.got++
	return nil
}

// sql is the statement that is read.
func (r *reading) sql() string {
	if r.changes {
		return fmt.Sprintf(changesSQL, r.query, r.want)
	}
	return fmt.Sprintf(readSQL, r.query, r.want)
}

// unknown is the number of executions of a write, if it cannot be known.
const unknown = -1

// classify returns the verdict on a query, from its error and what happened meanwhile. For a
// write, executed is how often it was executed.
func (r *reading) classify(err error, writes bool, executed int, happened map[kind]bool) (verdict, string) {
	if writes && executed > 1 {
		return wrong, fmt.Sprintf("the write of query %d was executed %d times", r.query, executed)
	}
	if err == nil {
		switch {
		case r.got != r.want:
			return wrong, fmt.Sprintf("query %d has %d rows of %d and looks complete", r.query, r.got, r.want)
		case writes && executed == 0:
			return wrong, fmt.Sprintf("the write of query %d succeeded and was never executed", r.query)
		}
		return right, ""
	}
	any := func(kinds ...kind) bool {
		for _, k := range kinds {
			if happened[k] {
				return true
			}
		}
		return false
	}
	fails := func() (verdict, string) {
		return wrong, fmt.Sprintf("query %d failed after %d rows: %v (a write: %t, executed %d times; meanwhile: %v)", r.query, r.got, err, writes, executed, happened)
	}
	if cut, ok := errors.AsType[*e6.CutoverError](err); ok {
		if cut.RowsDelivered != r.got {
			return wrong, fmt.Sprintf("query %d was cut off after %d rows and reports %d: %v", r.query, r.got, cut.RowsDelivered, err)
		}
		if differs := cut.Reason == e6.LossRows || cut.Reason == e6.LossColumns; differs && !writes && !r.changes && !happened[corrupt] {
			return fails() // the rows were the same
		}
		if (r.got > 0 || cut.MayHaveTakenEffect && writes) &&
			any(abrupt, announceFirst, notReady, engineLost, outage, flapping, reset, halfOpen, breakOff, gateway, stuck, reload, suspend, damped) {
			return cutOff, ""
		}
		return fails()
	}
	if _, ok := errors.AsType[*vector.DecodeError](err); ok && happened[corrupt] {
		return broken, ""
	}
	if errors.Is(err, e6.ErrIncomplete) && happened[short] {
		return broken, ""
	}
	if errors.Is(err, context.DeadlineExceeded) && any(stuck) {
		return timeout, ""
	}
	return fails()
}
