// Package ctxerr says why a context has ended.
package ctxerr

import (
	"context"
	"errors"
	"fmt"
)

// Why is why a context of the caller's has ended: context.Canceled or
// context.DeadlineExceeded, and with it the cause that its owner gave, if there is one.
// context.Cause alone hides from errors.Is which of the two it was.
func Why(ctx context.Context) error {
	cause := context.Cause(ctx)
	if errors.Is(cause, ctx.Err()) {
		return cause
	}
	return fmt.Errorf("%w: %w", ctx.Err(), cause)
}
