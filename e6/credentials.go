package e6

import (
	"context"
	"fmt"

	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/e6/internal/ctxerr"
)

// credentials calls Config.Credentials. It abandons a callback that does not return at the
// end of its context, so that the callback delays no query.
func (c *Client) credentials(ctx context.Context) (user, token string, err error) {
	answered := make(chan struct{})
	var u, t string
	var failure error
	go func() {
		defer close(answered)
		failure = c.callbacks.credentials.Protect(hook.PointCredentials, func() (err error) {
			u, t, err = c.cfg.Credentials(ctx)
			return err
		})
	}()
	select {
	case <-answered:
		if failure != nil {
			return "", "", fmt.Errorf("the credentials callback failed: %w", failure)
		}
		return u, t, nil
	case <-ctx.Done():
		return "", "", fmt.Errorf("waiting for the credentials callback: %w", ctxerr.Cause(ctx))
	}
}
