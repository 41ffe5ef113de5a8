package auth

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

// renewer calls a token source once for all waiting callers. A token source takes no
// context, so that a caller whose context ends leaves the request running.
type renewer struct {
	source oauth2.TokenSource

	mu       sync.Mutex
	current  *oauth2.Token
	inFlight *tokenRequest
}

type tokenRequest struct {
	done  chan struct{}
	token *oauth2.Token
	err   error
}

// token returns a token that is valid.
func (r *renewer) token(ctx context.Context) (string, error) {
	req, token := r.request()
	if req == nil {
		return token, nil
	}
	select {
	case <-req.done:
		if req.err != nil {
			return "", fmt.Errorf("auth: the access token could not be renewed: %w", req.err)
		}
		return req.token.AccessToken, nil
	case <-ctx.Done():
		return "", fmt.Errorf("auth: waiting for an access token: %w", context.Cause(ctx))
	}
}

// request returns the known token, or the request in flight.
func (r *renewer) request() (*tokenRequest, string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	valid := r.current.Valid()
	if valid && !expiresSoon(r.current) {
		return nil, r.current.AccessToken
	}
	if r.inFlight == nil {
		req := &tokenRequest{done: make(chan struct{})}
		r.inFlight = req
		go func() {
			req.token, req.err = r.source.Token()
			r.mu.Lock()
			defer r.mu.Unlock()
			r.inFlight = nil
			if req.err == nil {
				r.current = req.token
			}
			close(req.done)
		}()
	}
	if valid {
		return nil, r.current.AccessToken // the next one is on its way
	}
	return r.inFlight, ""
}

// expiresSoon reports whether a token is to be renewed.
func expiresSoon(t *oauth2.Token) bool {
	return !t.Expiry.IsZero() && time.Until(t.Expiry) < Early
}
