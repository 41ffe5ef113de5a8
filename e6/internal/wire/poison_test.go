package wire

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/internal/stress"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
	"github.com/stretchr/testify/require"
)

// poisonServer answers every call, and a number of those of one method by an error text
// that is too long for gRPC. It notes the methods that each connection carried.
type poisonServer struct {
	mu      sync.Mutex
	method  string
	left    int
	carried map[string][]string // by the client's address; poison is in capitals
}

// ServeHTTP implements http.Handler. The server of gRPC keeps to the client's limit.
func (p *poisonServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	p.mu.Lock()
	called := name(r.URL.Path)
	poison := called == p.method && p.left > 0
	if poison {
		p.left--
		called = strings.ToUpper(called)
	}
	p.carried[r.RemoteAddr] = append(p.carried[r.RemoteAddr], called)
	p.mu.Unlock()
	w.Header().Set("Content-Type", "application/grpc")
	if poison {
		w.Header().Set("Grpc-Status", "13")
		w.Header().Set("Grpc-Message", strings.Repeat("x", 1500<<10))
		return
	}
	_, _ = w.Write(make([]byte, 5)) // an empty message
	w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
}

// breaks counts the poison that came on connections which carried other calls, and on
// those that carried nothing else.
func (p *poisonServer) breaks() (shared, alone int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, calls := range p.carried {
		for _, called := range calls {
			switch {
			case called != strings.ToUpper(called):
			case len(calls) > 1:
				shared++
			default:
				alone++
			}
		}
	}
	return shared, alone
}

// A response that broke a connection is requested again on a connection of its own, for
// any method.
func TestPoison_IsNotRequestedAgainOnASharedConnection(t *testing.T) {
	type caller = func(ctx context.Context, c *Conn) error
	blue := Call{Side: fsm.Blue}
	for method, tc := range map[string]struct {
		call    caller
		control bool // is sent again at once
	}{
		"authenticate": {func(ctx context.Context, c *Conn) error {
			_, err := c.Engine(blue).Authenticate(ctx, &e6xv1.AuthenticateRequest{})
			return err
		}, true},
		"healthCheck": {func(ctx context.Context, c *Conn) error {
			_, err := c.Engine(blue).HealthCheck(ctx, &e6xv1.HealthCheckRequest{})
			return err
		}, true},
		"getCataloges": {func(ctx context.Context, c *Conn) error {
			_, err := c.Engine(Call{Side: fsm.Blue, Control: true}).GetCataloges(ctx, &e6xv1.GetCatalogesRequest{})
			return err
		}, true},
		"cancelQuery": {func(ctx context.Context, c *Conn) error {
			_, err := c.Engine(blue).CancelQuery(ctx, &e6xv1.CancelQueryRequest{QueryId: "q"})
			return err
		}, true},
		"clearOrCancelQuery": {func(ctx context.Context, c *Conn) error {
			l := c.Acquire(fsm.Blue, 1)
			defer l.Release()
			_, err := l.Engine(blue).ClearOrCancelQuery(ctx, &e6xv1.ClearOrCancelQueryRequest{QueryId: "q"})
			return err
		}, true},
		"status": {func(ctx context.Context, c *Conn) error {
			_, err := c.Engine(blue).Status(ctx, &e6xv1.StatusRequest{QueryId: "q"})
			return err
		}, false},
		"resume": {func(ctx context.Context, c *Conn) error {
			_, err := c.Cluster(blue).Resume(ctx, &e6xv1.ResumeRequest{})
			return err
		}, true},
		"getNextResultBatch": {func(ctx context.Context, c *Conn) error {
			_, err := c.Engine(blue).GetNextResultBatch(ctx, &e6xv1.GetNextResultBatchRequest{QueryId: "q"})
			return err
		}, false},
		"getTablesV2": {func(ctx context.Context, c *Conn) error {
			l := c.Acquire(fsm.Blue, 1)
			defer l.Release()
			_, err := l.Engine(blue).GetTablesV2(ctx, &e6xv1.GetTablesV2Request{})
			return err
		}, false},
	} {
		t.Run(method, func(t *testing.T) {
			p := &poisonServer{method: method, left: 3, carried: map[string][]string{}}
			c := dial(t, serveHTTP(t, p.ServeHTTP, nil), Config{})
			ctx, cancel := context.WithTimeout(t.Context(), stress.Patience)
			defer cancel()
			others := func() {
				_, err := c.Engine(blue).ExplainAnalyze(ctx, &e6xv1.ExplainAnalyzeRequest{})
				require.NoError(t, err)
				_, err = c.Engine(blue).Clear(ctx, &e6xv1.ClearRequest{QueryId: "other"})
				require.NoError(t, err)
			}
			failed := 0
			for range 5 {
				others()
				if err := tc.call(ctx, c); err != nil {
					require.ErrorContains(t, err, "broke the connection")
					require.False(t, OutcomeOf(err).Poison, "the caller has nothing to mind")
					require.True(t, OutcomeOf(err).RetryCall)
					failed++
				}
				others()
			}
			want := 3
			if tc.control {
				want = 2 // the first one is sent again at once
			}
			require.Equal(t, want, failed)
			shared, alone := p.breaks()
			require.Equal(t, 1, shared, "%v", p.carried)
			require.Equal(t, 2, alone, "%v", p.carried)
			require.False(t, c.poison.any(), "a response that can be read ends it")
			require.Empty(t, len(c.aloneControl), "no connection is held")
		})
	}
}

func TestPoison_RememberedCallsAreBounded(t *testing.T) {
	var p poison
	for n := range 3 * maxPoison {
		p.note(poisonKey{query: strings.Repeat("q", n)})
	}
	require.LessOrEqual(t, len(p.at), maxPoison)
	require.True(t, p.has(poisonKey{query: strings.Repeat("q", 3*maxPoison-1)}), "the last one is there")
}
