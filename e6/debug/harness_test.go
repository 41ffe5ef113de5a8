package debug

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/internal/stress"
)

const token = "secret-token-of-the-test"

// open opens a client of a cluster in memory, and waits for the event that it has
// settled, which may come a moment after the client is ready.
func open(t *testing.T, change ...func(*e6.Config)) (*e6test.Cluster, *e6.Client) {
	t.Helper()
	cluster, err := e6test.Start(e6test.InMemory())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, cluster.Close()) })
	cfg := e6.Config{
		Address: cluster.Addr(), ClusterName: "orders", User: "user-of-the-test@example.com", Token: token,
		RetryPause: 5 * time.Millisecond,
	}
	for _, c := range change {
		c(&cfg)
	}
	client, err := e6.Open(t.Context(), cfg, e6.WithDialer(cluster.Dialer()))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	require.Eventually(t, func() bool {
		history := client.History()
		step, ok := stepOf(history[len(history)-1])
		return ok && step.Trigger == "settle"
	}, 10*time.Second, time.Millisecond)
	return cluster, client
}

// get requests a path of a handler, with headers in pairs.
func get(t *testing.T, h http.Handler, method, path string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
			continue
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// stateOf reads state.json.
func stateOf(t *testing.T, h http.Handler) State {
	t.Helper()
	w := get(t, h, http.MethodGet, "/debug/e6/state.json")
	require.Equal(t, http.StatusOK, w.Code)
	var s State
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &s))
	return s
}

// stateWhen reads state.json until it is as wanted.
func stateWhen(t *testing.T, h http.Handler, wanted func(State) bool) (s State) {
	t.Helper()
	require.Eventually(t, func() bool {
		s = stateOf(t, h)
		return wanted(s)
	}, 10*time.Second, time.Millisecond)
	return s
}

// message is one of a stream.
type message struct {
	name string
	data string
}

func (m message) decode(t *testing.T, into any) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(m.data), into))
}

// listener reads a stream. Its channel is closed when the stream ends.
type listener struct {
	messages chan message
	status   int
	header   http.Header
	leave    context.CancelFunc
}

// listen opens a stream of a server.
func listen(t *testing.T, url string) *listener {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/events", nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	l := &listener{messages: make(chan message), status: resp.StatusCode, header: resp.Header, leave: cancel}
	go l.read(ctx, resp.Body)
	return l
}

func (l *listener) read(ctx context.Context, body io.ReadCloser) {
	defer close(l.messages)
	defer body.Close()
	lines := bufio.NewReader(body)
	var m message
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimSuffix(line, "\n")
		name, value, _ := strings.Cut(line, ": ")
		switch {
		case line == "":
			select {
			case l.messages <- m:
			case <-ctx.Done():
				return
			}
			m = message{}
		case name == "event":
			m.name = value
		case name == "data":
			m.data += value
		}
	}
}

// next waits for a message of that name and drops others.
func (l *listener) next(t *testing.T, name string) message {
	t.Helper()
	limit := time.After(stress.Patience)
	for {
		select {
		case m, ok := <-l.messages:
			require.True(t, ok, "the stream ended before a message %q came", name)
			if m.name == name {
				return m
			}
		case <-limit:
			require.Fail(t, "no message "+name+" came")
		}
	}
}

// ended waits until the stream has ended.
func (l *listener) ended(t *testing.T) {
	t.Helper()
	limit := time.After(stress.Patience)
	for {
		select {
		case _, ok := <-l.messages:
			if !ok {
				return
			}
		case <-limit:
			require.Fail(t, "the stream did not end")
		}
	}
}

// serve serves a handler on loopback. Streams end before the server does.
func serve(t *testing.T, h http.Handler, client *e6.Client) (url string) {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(func() {
		require.NoError(t, client.Close())
		http.DefaultClient.CloseIdleConnections()
		server.Close()
	})
	return server.URL
}
