package record

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/recorder"
	"github.com/e6data/e6data-go/internal/bubbles"
)

// The clock of a bubble begins at midnight: each run of the client continues the file with a
// clock that is an hour or more behind that of the run before.
func TestClock_SetBackInARecording(t *testing.T) {
	path := filepath.Join(t.TempDir(), "e6.rec")
	midnight := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, later := range []time.Duration{2 * time.Hour, time.Hour, 0} {
		bubbles.Test(t, func(t *testing.T) {
			time.Sleep(later)
			cluster, err := e6test.Start(e6test.InMemory())
			require.NoError(t, err)
			defer func() { require.NoError(t, cluster.Close()) }()
			client, err := e6.Open(t.Context(), e6.Config{Address: cluster.Addr(), User: "me", Token: "t"},
				e6.WithDialer(cluster.Dialer()), e6.WithRecorder(recorder.File(path)))
			require.NoError(t, err)
			defer func() { require.NoError(t, client.Close()) }()
			for n := range 4 { // and a clock that is set forward
				side := fsm.Sides[(n+1)%2]
				require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: side, Kind: e6test.Abrupt}))
				_, err := e6.QueryOne[int](t.Context(), client, "SELECT 1")
				require.NoError(t, err)
				time.Sleep([]time.Duration{10 * time.Second, time.Hour}[n%2])
			}
		})
	}

	r, play, err := ReadReplay(path)
	require.NoError(t, err)
	require.NoError(t, play.Check())
	back := 0
	for i, e := range r.Entries[1:] {
		if e.Time.Before(r.Entries[i].Time) {
			back++
			require.IsType(t, recorder.Start{}, e.Data, "all entries of the run before are before it")
		}
	}
	require.Equal(t, 2, back)
	h := NewHeader(path, r)
	require.Zero(t, h.From.Sub(midnight))
	require.Equal(t, 2*time.Hour+20*time.Second, h.To.Sub(r.Entries[0].Time))

	var out bytes.Buffer
	require.NoError(t, NewPrinter(&out, false, time.UTC).Entries(Filter{}.Apply(r)))
	require.Contains(t, out.String(), "01:00:00.000000  clock       set back by 3h0m20s or more\n01:00:00.000000  start       a client was opened\n")
	require.Equal(t, 2, strings.Count(out.String(), "clock       set back by"))
	require.NotContains(t, out.String(), "event       transition", "they repeat transitions of the router")

	for at, want := range map[time.Duration]time.Duration{
		time.Second: 0, 11 * time.Second: 10 * time.Second, 3*time.Hour + time.Minute: 3*time.Hour + 20*time.Second, 30 * time.Hour: 4*time.Hour + 20*time.Second,
	} {
		selected, err := play.Select(Selection{At: midnight.Add(at)})
		require.NoError(t, err)
		for i, yes := range selected {
			if yes {
				require.Equal(t, want, play.Steps[i].Time.Sub(midnight), "at %s", at)
			}
		}
	}
	since := Filter{Since: midnight.Add(4 * time.Hour)}.Apply(r)
	require.NotEmpty(t, since)
	for _, e := range since {
		require.False(t, e.Time.Before(midnight.Add(4*time.Hour)))
	}
	_, err = play.Select(Selection{At: midnight.Add(-time.Hour)})
	require.ErrorContains(t, err, "the replay begins later, at 2000-01-01 00:00:00")
}
