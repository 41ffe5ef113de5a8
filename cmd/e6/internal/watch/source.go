// Package watch shows what clients of a cluster do, as it happens: clients of other
// processes, by their debug pages, and clients that only probe.
package watch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/debug"
)

// Shown is all that is watched.
type Shown struct {
	Sources []Source
	Fleets  []Fleet
}

// Source is a client that is watched.
type Source struct {
	// Name is what the source is called on the screen.
	Name string

	url   string
	http  *http.Client
	wrong error   // with the URL
	probe *Client // runs statements, if the client is this command's own
}

// Remote watches a client of another process by its debug page, at the address at
// which package debug is mounted there, such as http://127.0.0.1:6060/debug/e6/.
func Remote(page string) Source {
	u, err := url.Parse(page)
	if err != nil {
		return Source{Name: "a URL", wrong: plainly(err)}
	}
	// The name is shown: neither a password nor a key in the query belongs there.
	return Source{Name: strings.TrimSuffix(u.Host+u.Path, "/"), url: u.JoinPath("state.json").String(), http: http.DefaultClient}
}

// Local watches a client of this process.
func Local(name string, c *e6.Client) Source {
	return Source{Name: name, url: "http://" + "client/state.json", http: &http.Client{Transport: within{debug.Handler(c)}}}
}

// patience limits one look at a source.
const patience = 5 * time.Second

// most bounds what a page may send.
const most = 16 << 20

// Look returns what the client knows now.
func (s Source) Look(ctx context.Context) (state debug.State, err error) {
	if s.wrong != nil {
		return state, s.wrong
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return state, plainly(err)
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return state, plainly(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return state, fmt.Errorf("%s: want the page of package debug there", resp.Status)
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, most)).Decode(&state); err != nil {
		return state, fmt.Errorf("the answer is no state of a client: %w", err)
	}
	return state, nil
}

// plainly is an error without the URL that it is about, which may hold a key.
func plainly(err error) error {
	if about, ok := errors.AsType[*url.Error](err); ok {
		return about.Err
	}
	return err
}

// within makes requests to a handler of this process.
type within struct{ handler http.Handler }

// RoundTrip implements http.RoundTripper.
func (t within) RoundTrip(req *http.Request) (*http.Response, error) {
	w := &answer{header: http.Header{}, status: http.StatusOK}
	t.handler.ServeHTTP(w, req)
	return &http.Response{
		Status: http.StatusText(w.status), StatusCode: w.status, Header: w.header, Body: io.NopCloser(&w.body), Request: req,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}, nil
}

// answer is what a handler writes.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *answer) Header() http.Header         { return w.header }
func (w *answer) WriteHeader(status int)      { w.status = status }
func (w *answer) Write(b []byte) (int, error) { return w.body.Write(b) }
