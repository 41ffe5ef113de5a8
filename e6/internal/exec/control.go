package exec

import (
	"context"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/errtext"
	"github.com/e6data/e6data-go/e6/internal/wire"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// The known statuses of a cluster. A cluster may report others.
const (
	ClusterActive    = "active"
	ClusterSuspended = "suspended"
	ClusterResuming  = "resuming"
	ClusterFailed    = "failed"
)

// controlCall is one call of the cluster service. It returns the status of the cluster.
type controlCall func(ctx context.Context, s e6xv1.ClusterServiceClient, user, token string) (string, error)

func statusCall(ctx context.Context, s e6xv1.ClusterServiceClient, user, token string) (string, error) {
	a, err := s.Status(ctx, &e6xv1.ClusterStatusRequest{User: user, Password: token})
	return a.GetStatus(), err
}

func resumeCall(ctx context.Context, s e6xv1.ClusterServiceClient, user, token string) (string, error) {
	a, err := s.Resume(ctx, &e6xv1.ResumeRequest{User: user, Password: token})
	return a.GetStatus(), err
}

func suspendCall(ctx context.Context, s e6xv1.ClusterServiceClient, user, token string) (string, error) {
	a, err := s.Suspend(ctx, &e6xv1.SuspendRequest{User: user, Password: token})
	return a.GetStatus(), err
}

// ClusterStatus returns the status of the cluster. It does not resume it.
func (x *Executor) ClusterStatus(ctx context.Context) (string, error) {
	return x.control(ctx, x.active(), statusCall)
}

// SuspendCluster suspends the cluster, for all its clients.
func (x *Executor) SuspendCluster(ctx context.Context) (string, error) {
	return x.control(ctx, x.active(), suspendCall)
}

// ResumeCluster resumes a suspended cluster and waits, within ctx and
// Settings.ResumeTimeout, until it is active. Settings.NoAutoResume has no effect on it.
func (x *Executor) ResumeCluster(ctx context.Context) error {
	err := x.resumer.join(ctx, x.active(), nil)
	if isUnconfirmed(err) {
		return errtext.Errorf("resume: %w", err)
	}
	return err
}

// active is the active side, or None.
func (x *Executor) active() fsm.Side { return x.route.Routing().Active }

// control makes one call of the cluster service. If the side is not active and refuses it,
// the call is sent to the other side.
func (x *Executor) control(ctx context.Context, side fsm.Side, call controlCall) (string, error) {
	if !side.Valid() {
		side = fsm.Sides[0]
	}
	ctx, unbind := x.bind(ctx)
	defer unbind()
	user, token, err := x.credentials(ctx)
	if err != nil {
		return "", errtext.Errorf("cluster control: %w", err)
	}
	send := func(side fsm.Side) (string, error) {
		return call(ctx, x.conn.Cluster(wire.Call{Side: side}), user, token)
	}
	status, err := send(side)
	outcome := wire.OutcomeOf(err)
	if outcome.Verdict == wire.VerdictRefuses || outcome.Verdict == wire.VerdictSuspended {
		if status, otherErr := send(side.Other()); otherErr == nil {
			return status, nil
		}
	}
	switch {
	case err != nil && x.ctx.Err() != nil:
		return "", ErrClosed
	case outcome.Login == wire.VerdictDenied:
		return "", &deniedError{err}
	}
	return status, err
}
