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
)

// loggedBy runs a client through a cutover and returns what it writes to the
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

func TestTheConfigurationLetsTheClientLog(t *testing.T) {
	for name, c := range map[string]struct {
		change        func(*e6.Config)
		opts          []e6.Option
		want, wantNot []string
	}{
		"nothing by itself": {func(*e6.Config) {}, nil, nil, []string{"level="}},
		"what it is told": {
			func(c *e6.Config) { c.LogLevel = e6.LogInfo }, nil,
			[]string{"level=INFO", "event=transition", "event=closed"}, []string{"level=DEBUG", "component=grpc", "event=session_opened"},
		},
		"everything": {
			func(c *e6.Config) { c.LogLevel = e6.LogDebug }, nil, []string{"event=session_opened", "event=refused"}, []string{"component=grpc"},
		},
		"the strategy alone": {
			func(c *e6.Config) { c.StrategyLogLevel = e6.LogInfo }, nil, []string{"event=transition"}, []string{"event=closed", "component=session"},
		},
		"all but the strategy": {
			func(c *e6.Config) { c.LogLevel, c.StrategyLogLevel = e6.LogInfo, e6.LogOff }, nil, []string{"event=closed"}, []string{"event=transition"},
		},
		"the calls that fail": {
			func(c *e6.Config) { c.GRPCLogLevel = e6.LogWarn }, nil,
			[]string{"component=grpc", `msg="call failed:`, "HTTP 456"}, []string{"level=DEBUG", "event="},
		},
		"all calls": {
			func(c *e6.Config) { c.GRPCLogLevel = e6.LogDebug }, nil, []string{"method=prepareStatement", "side=green", "took="}, []string{"event="},
		},
		"as JSON": {
			func(c *e6.Config) { c.LogLevel, c.LogFormat = e6.LogInfo, e6.LogJSON }, nil, []string{`"event":"transition"`}, []string{"level="},
		},
		"nothing when it is off": {
			func(c *e6.Config) { c.LogLevel, c.GRPCLogLevel = e6.LogOff, e6.LogOff }, nil, nil, []string{"level="},
		},
		"an option has the last word": {
			func(c *e6.Config) { c.LogLevel = e6.LogInfo },
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

func TestAConfiguredLevelGoesToTheLoggerThatThereIs(t *testing.T) {
	var out bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	lines := loggedBy(t, func(c *e6.Config) { c.LogLevel, c.GRPCLogLevel = e6.LogInfo, e6.LogWarn }, e6.WithLogger(logger))
	require.Equal(t, []string{""}, lines, "nothing goes to the standard error")
	require.Contains(t, out.String(), "event=transition")
	require.Contains(t, out.String(), "component=grpc")
	require.NotContains(t, out.String(), "level=DEBUG")
}

func TestALogLevelThatThereIsNotIsRefused(t *testing.T) {
	cfg := config(start(t))
	cfg.LogLevel, cfg.StrategyLogLevel, cfg.GRPCLogLevel, cfg.LogFormat = 9, 9, 9, 9
	err := cfg.Validate()
	var wrong *e6.ConfigError
	require.ErrorAs(t, err, &wrong)
	require.Len(t, wrong.Problems, 4)
}
