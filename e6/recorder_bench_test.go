package e6_test

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/hook"
	rec "github.com/e6data/e6data-go/e6/recorder"
)

// BenchmarkRecorder compares a short query of a client with a recorder with one of a client
// without: the queries alternate, and the medians are compared. It reports the cost of the
// recorder in percent.
func BenchmarkRecorder(b *testing.B) {
	cluster := start(b)
	open := func(opts ...e6.Option) *e6.Client {
		client, err := e6.Open(b.Context(), config(cluster), opts...)
		require.NoError(b, err)
		b.Cleanup(func() { require.NoError(b, client.Close()) })
		return client
	}
	clients := []*e6.Client{open(), open(e6.WithRecorder(rec.File(filepath.Join(b.TempDir(), "e6.rec"))))}
	took := make([][]time.Duration, len(clients))
	for n := 0; b.Loop(); n++ {
		for i := range clients {
			i = (i + n) % len(clients) // either is the first one in turn
			began := time.Now()
			if _, err := clients[i].QueryAll(b.Context(), "SELECT 1"); err != nil {
				b.Fatal(err)
			}
			took[i] = append(took[i], time.Since(began))
		}
	}
	median := func(all []time.Duration) float64 {
		slices.Sort(all)
		return float64(all[len(all)/2])
	}
	b.ReportMetric(100*(median(took[1])/median(took[0])-1), "%cost")
	b.ReportMetric(median(took[0])/1e3, "µs/query")
}

// BenchmarkRecorderQuery is the work of the recorder for a query.
func BenchmarkRecorderQuery(b *testing.B) {
	r := rec.File(filepath.Join(b.TempDir(), "e6.rec"))
	require.NoError(b, r.Open())
	defer r.Close()
	end := hook.QueryEnd{Side: e6.Blue, QueryID: "0b5c1f6e-3a8b-4b52-9e0e-1c2d3e4f5a6b", Rows: 1, Took: time.Millisecond}
	for b.Loop() {
		r.QueryEnd(b.Context(), end)
	}
}
