package e6_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/internal/lockedbuffer"
)

// loggedBy runs a client through a cutover and returns the lines that it writes to the
// standard error.
func loggedBy(t *testing.T, change func(*e6.Config), opts ...e6.Option) []string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "stderr")
	file, err := os.Create(path)
	require.NoError(t, err)
	before := os.Stderr
	os.Stderr = file
	defer func() { os.Stderr = before }()

	cluster := start(t)
	cfg := config(cluster)
	change(&cfg)
	client, err := e6.Open(t.Context(), cfg, append(opts, e6.WithDialer(cluster.Dialer()))...)
	require.NoError(t, err)
	answer(t, client)
	require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: e6.Green, Kind: e6test.Abrupt}))
	answer(t, client)
	_, err = client.QueryAll(t.Context(), "SELEC 'a secret'")
	require.Error(t, err)
	require.NoError(t, client.Close(), "the last record is written before it returns")
	require.NoError(t, file.Close())
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NotContains(t, string(text), "secret", "neither the token nor the statement")
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

func TestLogLevel_ConfigSelectsTheRecords(t *testing.T) {
	for name, c := range map[string]struct {
		change        func(*e6.Config)
		opts          []e6.Option
		want, wantNot []string
	}{
		"the default": {func(*e6.Config) {}, nil, nil, []string{"level="}},
		"info": {
			func(c *e6.Config) { c.LogLevel = slog.LevelInfo }, nil,
			[]string{"level=INFO", "event=transition", "event=closed"}, []string{"level=DEBUG", "component=grpc", "event=session_opened"},
		},
		"debug": {
			func(c *e6.Config) { c.LogLevel = slog.LevelDebug }, nil, []string{"event=session_opened", "event=refused"}, []string{"component=grpc"},
		},
		"only the strategy": {
			func(c *e6.Config) { c.StrategyLogLevel = slog.LevelInfo }, nil, []string{"event=transition"}, []string{"event=closed", "component=session"},
		},
		"the strategy is off": {
			func(c *e6.Config) { c.LogLevel, c.StrategyLogLevel = slog.LevelInfo, slog.LevelError+1 }, nil, []string{"event=closed"}, []string{"event=transition"},
		},
		"failed calls": {
			func(c *e6.Config) { c.GRPCLogLevel = slog.LevelWarn }, nil,
			[]string{"component=grpc", `msg="call failed"`, "HTTP 456"}, []string{"level=DEBUG", "event="},
		},
		"all calls": {
			func(c *e6.Config) { c.GRPCLogLevel = slog.LevelDebug }, nil, []string{"method=prepareStatement", "side=green", `msg="call completed"`, "took_ms=", "address=127.0.0.1:"}, []string{"event="},
		},
		"JSON": {
			func(c *e6.Config) { c.LogLevel, c.LogFormat = slog.LevelInfo, "json" }, nil, []string{`"event":"transition"`}, []string{"level="},
		},
		"off": {
			func(c *e6.Config) { c.LogLevel, c.GRPCLogLevel = slog.LevelError+1, slog.LevelError+1 }, nil, nil, []string{"level="},
		},
		"an option replaces the level": {
			func(c *e6.Config) { c.LogLevel = slog.LevelInfo },
			[]e6.Option{e6.WithLogLevel(slog.LevelDebug, events.ComponentSession)}, []string{"event=session_opened"}, []string{"event=refused"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			lines := loggedBy(t, c.change, c.opts...)
			text := strings.Join(lines, "\n")
			for _, want := range c.want {
				require.Contains(t, text, want)
			}
			for _, unwanted := range c.wantNot {
				require.NotContains(t, text, unwanted)
			}
		})
	}
}

func TestLogLevel_FiltersTheConfiguredLogger(t *testing.T) {
	var out bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	lines := loggedBy(t, func(c *e6.Config) { c.LogLevel, c.GRPCLogLevel = slog.LevelInfo, slog.LevelWarn }, e6.WithLogger(logger))
	require.Equal(t, []string{""}, lines, "standard error is empty")
	require.Contains(t, out.String(), "event=transition")
	require.Contains(t, out.String(), "component=grpc")
	require.NotContains(t, out.String(), "level=DEBUG")
}

func TestLogLevel_AMissingLevelIsAConfigError(t *testing.T) {
	cfg := config(start(t))
	var missing *slog.LevelVar
	cfg.LogLevel, cfg.StrategyLogLevel, cfg.GRPCLogLevel, cfg.LogFormat = missing, missing, missing, "xml"
	err := cfg.Validate()
	var wrong *e6.ConfigError
	require.ErrorAs(t, err, &wrong)
	require.Len(t, wrong.Problems, 4)
}

func TestLogLevel_ALevelVarChangesTheLevelOfAnOpenClient(t *testing.T) {
	var level slog.LevelVar
	level.Set(slog.LevelError + 1)
	var out lockedbuffer.Buffer
	cluster := start(t)
	cfg := config(cluster)
	cfg.LogLevel, cfg.GRPCLogLevel = &level, &level
	logger := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	client, err := e6.Open(t.Context(), cfg, e6.WithLogger(logger), e6.WithDialer(cluster.Dialer()))
	require.NoError(t, err)
	defer func() { require.NoError(t, client.Close()) }()
	answer(t, client)
	require.Empty(t, out.String(), "the level is off")
	level.Set(slog.LevelDebug)
	require.NoError(t, client.Reset(t.Context()))
	answer(t, client)
	ready(t, "events and calls are logged", func() bool {
		return strings.Contains(out.String(), `msg="active side changed"`) && strings.Contains(out.String(), `msg="call completed" address=`+cfg.Address)
	})
}

func TestLogLevel_PanicsAreNotHiddenByTheLevelOfTheCalls(t *testing.T) {
	written, cluster := defaultLog(t), start(t)
	cfg := config(cluster)
	cfg.GRPCLogLevel = slog.LevelError // nothing else is configured
	client, err := e6.Open(t.Context(), cfg, e6.WithDialer(cluster.Dialer()))
	require.NoError(t, err)
	defer func() { require.NoError(t, client.Close()) }()
	client.Subscribe(badSubscriber, events.Kinds(events.KindStrategyChanged))
	require.NoError(t, client.Reset(t.Context()))
	ready(t, "the panic is logged", func() bool { return strings.Contains(written.String(), "badSubscriber") })
}

func TestWithLogLevel_ANilLevelIsAConfigError(t *testing.T) {
	_, err := e6.Open(t.Context(), config(start(t)), e6.WithLogLevel(nil, events.ComponentQuery))
	var wrong *e6.ConfigError
	require.ErrorAs(t, err, &wrong)
	require.Equal(t, "WithLogLevel", wrong.Problems[0].Field)
	require.Equal(t, "query: nil", wrong.Problems[0].Value)
}
