package e6test

import (
	"bytes"
	"context"
	"maps"
	"net/http"
	"time"
)

// withReadTimeout serves a call, and answers 504 in place of an answer that takes longer
// than the limit. 0 is no limit.
func withReadTimeout(limit time.Duration, w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
	if limit == 0 {
		serve(w, r)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), limit)
	defer cancel()
	answer := &heldAnswer{header: make(http.Header)}
	serve(answer, r.WithContext(ctx)) // returns soon after ctx ends, as the engine's call ends with it
	if ctx.Err() != nil && r.Context().Err() == nil {
		http.Error(w, "the engine did not answer in time", http.StatusGatewayTimeout)
		return
	}
	answer.send(w)
}

// heldAnswer is an answer that is held until it is known whether it came in time.
type heldAnswer struct {
	header, sent http.Header
	status       int
	body         bytes.Buffer
}

func (a *heldAnswer) Header() http.Header { return a.header }

func (a *heldAnswer) WriteHeader(status int) {
	if a.status == 0 {
		a.status, a.sent = status, a.header.Clone()
	}
}

func (a *heldAnswer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(b)
}

func (a *heldAnswer) Flush() {}

// send sends the answer with its trailers, which are the headers that were set last.
func (a *heldAnswer) send(w http.ResponseWriter) {
	a.WriteHeader(http.StatusOK)
	maps.Copy(w.Header(), a.sent)
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body.Bytes())
	maps.Copy(w.Header(), a.header)
}
