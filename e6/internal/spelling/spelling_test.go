package spelling

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestNearest_FindsTheMisspelledName(t *testing.T) {
	names := []string{"cluster", "catalog", "schema", "tls", "detection_timeout", "resume_timeout", "max_attempts", "prefetch", "ca"}
	for word, want := range map[string]string{
		"clustr": "cluster", "Clsuter": "cluster", "detection-timout": "detection_timeout", "maxattempt": "max_attempts",
		"prefetchs": "prefetch", "tsl": "tls", "catalogue": "catalog", "something_else": "", "x": "", "": "", "Cluster": "cluster",
	} {
		require.Equal(t, want, Nearest(word, names), "%q", word)
	}
}

func TestDistance_IsAMetricOfSmallEdits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.StringMatching(`[a-c]{0,8}`).Draw(t, "a"), rapid.StringMatching(`[a-c]{0,8}`).Draw(t, "b")
		d := distance(a, b)
		require.Equal(t, d, distance(b, a))
		require.Equal(t, a == b, d == 0)
		require.LessOrEqual(t, d, max(len(a), len(b)))
		require.GreaterOrEqual(t, d, max(len(a), len(b))-min(len(a), len(b)))
	})
}
