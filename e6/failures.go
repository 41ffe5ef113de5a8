package e6

import (
	"github.com/e6data/e6data-go/e6/internal/exec"
	"github.com/e6data/e6data-go/e6/internal/router"
	"github.com/e6data/e6data-go/e6/internal/sqlvalue"
	"github.com/e6data/e6data-go/e6/internal/wire"
)

// failures makes the public errors of statements, calls and detections.
type failures struct{}

var _ exec.Failures = failures{}

// Query implements exec.Failures.
func (failures) Query(f exec.Failure) error {
	return &QueryError{
		Op: f.Op, QueryID: f.QueryID, Tag: f.Tag, Side: f.Side,
		Code: f.Code, Message: f.Message, NoEffect: f.NoEffect, Err: f.Err,
	}
}

// Lost implements exec.Failures.
func (failures) Lost(l exec.Loss) error {
	return &CutoverError{
		Op: l.Op, QueryID: l.QueryID, Tag: l.Tag, Side: l.Side, To: l.To,
		RowsDelivered: l.RowsDelivered, MayHaveTakenEffect: l.MayHaveTakenEffect,
		Reason: LossReason(l.Reason), Column: l.Column, Err: l.Err,
	}
}

// Call implements exec.Failures.
func (failures) Call(failed *wire.Error) error {
	return &CallError{
		Method: failed.Method, Side: failed.Side, Class: failed.Class.String(), Effect: failed.Effect.String(), Err: failed,
	}
}

// Detection implements exec.Failures.
func (failures) Detection(failed *router.DetectionError) error { return (*DetectionError)(failed) }

// Argument implements exec.Failures.
func (failures) Argument(err *sqlvalue.BindError) error { return (*ParamError)(err) }
