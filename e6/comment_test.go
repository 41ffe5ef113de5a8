package e6_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"

	"github.com/e6data/e6data-go/e6"
	e6config "github.com/e6data/e6data-go/e6/config"
	"github.com/e6data/e6data-go/e6/e6test"
)

func TestStatementComment_NamesTheApplicationTheTagAndTheTrace(t *testing.T) {
	for name, c := range map[string]struct {
		application, tag, sql string
		opts                  []e6.Option
		want                  string
	}{
		"none by default":         {"billing", "report", "SELECT 1", nil, "SELECT 1"},
		"application and tag":     {"billing", "nightly report", "SELECT 1;", []e6.Option{e6.WithTagComment()}, "SELECT 1 /*application='billing',tag='nightly%20report'*/"},
		"a tag that would end it": {"", "*/ DROP TABLE t --'\"", "SELECT 1", []e6.Option{e6.WithTagComment()}, "SELECT 1 /*tag='%2A%2F%20DROP%20TABLE%20t%20--%27%22'*/"},
		"a long tag":              {"", strings.Repeat("ä", 200), "SELECT 1", []e6.Option{e6.WithTagComment()}, "SELECT 1 /*tag='" + strings.Repeat("%C3%A4", 128) + "'*/"},
		"no tag, no name":         {"", "", "SELECT 1", []e6.Option{e6.WithTagComment()}, "SELECT 1"},
		"a comment of its own":    {"billing", "report", "SELECT 1 -- one", []e6.Option{e6.WithTagComment()}, "SELECT 1 -- one"},
		"the trace": {"", "report", "SELECT 1", []e6.Option{e6.WithTraceComment()},
			"SELECT 1 /*traceparent='00-0102000000000000000000000000000f-0300000000000004-01'*/"},
		"all of it": {"billing", "report", "SELECT 1", []e6.Option{e6.WithTraceComment(), e6.WithTagComment()},
			"SELECT 1 /*application='billing',tag='report',traceparent='00-0102000000000000000000000000000f-0300000000000004-01'*/"},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := e6test.New(t)
			client, err := e6.Open(t.Context(), e6.Config{Address: cluster.Addr(), User: "me@example.com", Token: "any", ApplicationName: c.application}, c.opts...)
			require.NoError(t, err)
			defer func() { require.NoError(t, client.Close()) }()
			ctx := trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{
				TraceID: trace.TraceID{1, 2, 15: 15}, SpanID: trace.SpanID{3, 7: 4}, TraceFlags: trace.FlagsSampled,
			}))
			ctx = e6.WithQueryOptions(ctx, e6.Tag(c.tag))
			_, err = client.QueryAll(ctx, c.sql)
			require.NoError(t, err)
			require.Equal(t, map[string]int{c.want: 1}, cluster.Stats().Executions)
		})
	}
}

func TestApplicationName_IsCheckedWhateverItsSource(t *testing.T) {
	for _, name := range []string{"two words", "naïve", "tab\t", strings.Repeat("x", 65)} {
		cfg := e6.Config{Address: "127.0.0.1:1", User: "me@example.com", Token: "any", ApplicationName: name}
		require.ErrorContains(t, cfg.Validate(), "ApplicationName", name)
	}
	cfg, err := e6config.ParseDSN("e6://me@127.0.0.1:1?application_name=billing/2.1")
	require.NoError(t, err)
	require.Equal(t, "billing/2.1", cfg.ApplicationName)
}

func TestPing_ProbesTheActiveSide(t *testing.T) {
	cluster := e6test.New(t)
	client, err := e6.Open(t.Context(), e6.Config{Address: cluster.Addr(), User: "me@example.com", Token: "any"})
	require.NoError(t, err)
	before := cluster.Stats().Calls[e6test.MethodHealthCheck]
	require.NoError(t, client.Ping(t.Context()))
	require.Greater(t, cluster.Stats().Calls[e6test.MethodHealthCheck], before)
	cluster.Inject(e6test.Fault{Action: e6test.BadGateway, Times: -1})
	ctx, cancel := context.WithCancel(t.Context())
	require.Error(t, client.Ping(ctx))
	cancel()
	require.NoError(t, client.Close())
	require.ErrorIs(t, client.Ping(t.Context()), e6.ErrClosed)
}
