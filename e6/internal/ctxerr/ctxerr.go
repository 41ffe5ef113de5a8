// Package ctxerr returns the cause of the end of a context.
package ctxerr

import (
	"context"
	"errors"
	"fmt"
)

// ErrClosed ends the contexts of a client's calls when the client is closed.
var ErrClosed = errors.New("e6: the client is closed")

// Cause returns the error of an ended context of the caller: context.Canceled or
// context.DeadlineExceeded, joined with the cause that its owner gave, if there is one.
// With context.Cause alone, errors.Is could not find the former. If the client was closed,
// it is ErrClosed alone: the context of the caller has not ended.
func Cause(ctx context.Context) error {
	cause := context.Cause(ctx)
	if errors.Is(cause, ctx.Err()) || errors.Is(cause, ErrClosed) {
		return cause
	}
	return fmt.Errorf("%w: %w", ctx.Err(), cause)
}
