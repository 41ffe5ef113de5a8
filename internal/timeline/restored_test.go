package timeline

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/recorder"
)

// A client that has not changed its side for long has no step in its recording: other messages of
// its router have overwritten them.
func TestPhases_OfARecordingWithoutSteps(t *testing.T) {
	cluster, err := e6test.Start(e6test.InMemory(), e6test.WithActive(fsm.Green))
	require.NoError(t, err)
	defer func() { require.NoError(t, cluster.Close()) }()
	r := recorder.Memory(recorder.Size(recorder.MinSize))
	client, err := e6.Open(t.Context(), e6.Config{Address: cluster.Addr(), User: "u", Token: "t"}, e6.WithDialer(cluster.Dialer()), e6.WithRecorder(r))
	require.NoError(t, err)
	defer func() { require.NoError(t, client.Close()) }()
	var recording *recorder.Recording
	require.Eventually(t, func() bool {
		for range 500 {
			_, err := client.Refresh(t.Context())
			require.NoError(t, err)
		}
		recording, err = r.Recording()
		require.NoError(t, err)
		for _, e := range recording.Entries {
			if isStep(e) {
				return false
			}
		}
		return true
	}, time.Minute, time.Nanosecond, "the steps are overwritten")
	phases := Phases(recording.Entries, time.Now())
	require.Len(t, phases, 1)
	require.Equal(t, "green", phases[0].Label())
	require.WithinDuration(t, client.Strategy().Since, phases[0].From, 0, "the checkpoint has the time of the last step")
	require.Nil(t, restored(recording.Entries[:0]))
}
