package e6_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
)

func TestRowsComeInTheirOrderAndComplete(t *testing.T) {
	for name, opts := range map[string][]e6test.Option{
		"several chunks in one answer":  nil,
		"empty answers in between":      {e6test.WithEmptyAnswers(2)},
		"the older call only":           {e6test.WithNewFetch(false)},
		"refusals in the form of Envoy": {e6test.WithRefusal(e6test.RefuseGRPC)},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := start(t, append(opts, e6test.WithBatchRows(100))...)
			client := open(t, cluster)
			rows, err := client.Query(t.Context(), "SELECT * FROM numbers(1234);")
			require.NoError(t, err)
			require.Equal(t, []string{"n", "text"}, rows.Columns())
			n := 0
			for ; rows.Next(); n++ {
				var i int
				var text string
				require.NoError(t, rows.Scan(&i, &text))
				require.Equal(t, n, i)
				require.Equal(t, e6test.NumbersText(n), text)
			}
			require.NoError(t, rows.Err())
			require.NoError(t, rows.Close())
			require.Equal(t, 1234, n)
		})
	}
}

func TestEveryTypeComesOutAsTheEngineMeantIt(t *testing.T) {
	client := open(t, start(t, e6test.WithBatchRows(7)))
	result, err := client.QueryAll(t.Context(), "SELECT * FROM everything(50)")
	require.NoError(t, err)
	require.Equal(t, 50, result.Len())
	row := 0
	for _, b := range result.Batches {
		for i := range b.Rows() {
			for col := range e6test.EverythingColumns() {
				want, ok := e6test.EverythingText(col, row)
				require.Equal(t, !ok, b.Column(col).IsNull(i), "row %d, column %d", row, col)
				if ok {
					require.Equal(t, want, b.Column(col).Text(i), "row %d, column %d", row, col)
				}
			}
			row++
		}
	}
}

func TestClient_FollowsACutover(t *testing.T) {
	for _, kind := range []e6test.CutoverKind{e6test.Graceful, e6test.Abrupt, e6test.AnnounceFirst} {
		t.Run(kind.String(), func(t *testing.T) {
			cluster := start(t)
			client := open(t, cluster)
			require.Equal(t, fsm.StateBlue, client.Strategy().State)
			done := make(chan error, 1)
			go func() {
				done <- cluster.Cutover(t.Context(), e6test.Cutover{To: e6.Green, Kind: kind, Grace: 50 * time.Millisecond})
			}()
			ctx := within(t, 10*time.Second)
			for client.Strategy().State != fsm.StateGreen {
				_, err := client.QueryAll(ctx, "SELECT 1")
				require.NoError(t, err)
			}
			require.NoError(t, <-done)
		})
	}
}
