package settings

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/e6data/e6data-go/e6/fsm"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sample has a field of each kind, with the names that the table has for them.
type sample struct {
	ClusterName   string
	TLS           bool
	NoAutoResume  bool
	PreferredSide fsm.Side
	LogFormat     string
	MaxAttempts   int
	RetryPause    time.Duration
	LogLevel      slog.Leveler
}

func TestSetting_OfEachKindParsesFormatsFillsAndChecks(t *testing.T) {
	for name, c := range map[string]struct {
		text   string
		want   sample
		as     string // the text of the field
		filled sample // the zero value with its default
		bad    sample
	}{
		"cluster":     {"Prod", sample{ClusterName: "Prod"}, "Prod", sample{}, sample{}},
		"tls":         {" ON ", sample{TLS: true}, "true", sample{}, sample{}},
		"auto-resume": {"off", sample{NoAutoResume: true}, "false", sample{}, sample{}},
		"strategy":    {"GREEN", sample{PreferredSide: fsm.Green}, "green", sample{}, sample{PreferredSide: 7}},
		"log-format":  {"JSON", sample{LogFormat: "json"}, "json", sample{LogFormat: "text"}, sample{LogFormat: "xml"}},
		"maxAttempts": {"7", sample{MaxAttempts: 7}, "7", sample{MaxAttempts: 5}, sample{MaxAttempts: 21}},
		"retry_pause": {"0.5", sample{RetryPause: 500 * time.Millisecond}, "500ms", sample{RetryPause: 200 * time.Millisecond}, sample{RetryPause: time.Hour}},
		"LOG_LEVEL":   {"warning", sample{LogLevel: slog.LevelWarn}, "warn", sample{}, sample{LogLevel: (*slog.LevelVar)(nil)}},
	} {
		s, known := Named(name)
		require.True(t, known, name)
		var got, filled sample
		require.True(t, s.Set(&got, c.text), name)
		require.Equal(t, c.want, got, name)
		require.Equal(t, c.as, s.Text(&got), name)
		require.Empty(t, s.Check(&got), name)
		s.Fill(&filled)
		require.Equal(t, c.filled, filled, name)
		if c.bad != (sample{}) {
			require.NotEmpty(t, s.Check(&c.bad), name)
			require.False(t, s.Set(&got, "nonsense"), name)
			require.Equal(t, c.want, got, "%s: an invalid text changes nothing", name)
		}
	}
	_, known := Named("nonsense")
	require.False(t, known)
}

func TestFill_ChangesTheClusterNameToTheFormThatIsSent(t *testing.T) {
	s, _ := Named("cluster_name")
	cfg := sample{ClusterName: " Prod "}
	s.Fill(&cfg)
	require.Equal(t, "prod", cfg.ClusterName)
}
