// Package ctxerr says why a context has ended.
package ctxerr

import (
	"context"
	"errors"
	"fmt"
)

// ErrClosed ends the contexts of a client's calls when the client is closed.
var ErrClosed = errors.New("e6: the client is closed")

// Cause returns why a context of the caller's has ended: context.Canceled or
// context.DeadlineExceeded, and with it the cause that its owner gave, if there is one.
// context.Cause alone hides from errors.Is which of the two it was. If the client was
// closed, it is ErrClosed alone: the caller's own context lives.
func Cause(ctx context.Context) error {
	cause := context.Cause(ctx)
	if errors.Is(cause, ctx.Err()) || errors.Is(cause, ErrClosed) {
		return cause
	}
	return fmt.Errorf("%w: %w", ctx.Err(), cause)
}
