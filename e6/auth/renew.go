package auth

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

// renewer asks a token source once for all who wait. A token source knows no
// context, so that whoever cannot wait leaves the question behind.
type renewer struct {
	source oauth2.TokenSource

	mu      sync.Mutex
	current *oauth2.Token
	asking  *question
}

type question struct {
	done  chan struct{}
	token *oauth2.Token
	err   error
}

// token returns a token that is valid.
func (r *renewer) token(ctx context.Context) (string, error) {
	q, token := r.ask()
	if q == nil {
		return token, nil
	}
	select {
	case <-q.done:
		if q.err != nil {
			return "", fmt.Errorf("auth: the access token could not be renewed: %w", q.err)
		}
		return q.token.AccessToken, nil
	case <-ctx.Done():
		return "", fmt.Errorf("auth: waiting for an access token: %w", context.Cause(ctx))
	}
}

// ask returns the token that is known, or the question that is under way.
func (r *renewer) ask() (*question, string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	valid := r.current.Valid()
	if valid && !expiresSoon(r.current) {
		return nil, r.current.AccessToken
	}
	if r.asking == nil {
		q := &question{done: make(chan struct{})}
		r.asking = q
		go func() {
			q.token, q.err = r.source.Token()
			r.mu.Lock()
			defer r.mu.Unlock()
			r.asking = nil
			if q.err == nil {
				r.current = q.token
			}
			close(q.done)
		}()
	}
	if valid {
		return nil, r.current.AccessToken // the next one is on its way
	}
	return r.asking, ""
}

// expiresSoon reports whether a token is to be renewed.
func expiresSoon(t *oauth2.Token) bool {
	return !t.Expiry.IsZero() && time.Until(t.Expiry) < Early
}
