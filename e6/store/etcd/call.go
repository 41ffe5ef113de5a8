package etcd

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Waits between attempts grow from the least to the most by doubling, and are
// drawn from the upper half (jitter), so that a fleet does not retry in step.
const (
	leastWait = 50 * time.Millisecond
	mostWait  = 5 * time.Second
)

// wait lets the time before attempt n+1 pass, for n from 0 on.
func wait(ctx context.Context, n int) error {
	most := min(leastWait<<min(n, 10), mostWait)
	t := time.NewTimer(most/2 + rand.N(most/2))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// call retries a call while etcd is unavailable, until ctx, the call timeout or
// the store ends. The error then is that of the context, with the last one of
// etcd in its text.
func (s *Store) call(ctx context.Context, what, cluster string, try func(context.Context) error) error {
	fail := func(err error) error { return fmt.Errorf("etcd: %s cluster %.200q: %w", what, cluster, err) }
	if err := ctx.Err(); err != nil {
		return fail(err)
	}
	ctx, cancel := s.bound(ctx)
	defer cancel()
	limited, cancel := context.WithTimeout(ctx, s.set.timeout)
	defer cancel()
	for n := 0; ; n++ {
		err := try(limited)
		if err == nil {
			return nil
		}
		if s.ctx.Err() != nil {
			return ErrClosed
		}
		if limited.Err() == nil && transient(err) && wait(limited, n) == nil {
			continue
		}
		if ended := limited.Err(); ended != nil {
			if errors.Is(err, ended) {
				return fail(ended)
			}
			return fail(fmt.Errorf("%w (etcd: %v)", ended, err))
		}
		return fail(err)
	}
}

// bound is a context that ends with the store too.
func (s *Store) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(s.ctx, cancel)
	return ctx, func() { stop(); cancel() }
}

// transient reports whether the same call may succeed in a moment.
func transient(err error) bool {
	code := status.Code(err)
	var e rpctypes.EtcdError
	if errors.As(err, &e) {
		code = e.Code()
	}
	switch code {
	case codes.Unavailable, codes.DeadlineExceeded, codes.ResourceExhausted:
		return true
	}
	return false
}
