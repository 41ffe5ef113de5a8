package e6_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/store"
	"github.com/e6data/e6data-go/internal/bubbles"
)

// far is a link whose delay is the only thing that takes time in a bubble, so durations are
// numbers of round trips.
var far = e6test.Link{Up: 30 * time.Millisecond, Down: 70 * time.Millisecond}

// trips is how many round trips have passed since a moment.
func trips(began time.Time) float64 { return float64(time.Since(began)) / float64(far.RTT()) }

// overLink runs a test in a bubble, with a client at the other end of the link that has
// asked a query already, and so knows its engine.
func overLink(t *testing.T, change func(*e6.Config), test func(t *testing.T, cluster *e6test.Cluster, client *e6.Client), opts ...e6test.Option) {
	bubbles.Test(t, func(t *testing.T) {
		cluster := start(t, append(opts, e6test.InMemory())...)
		cfg := config(cluster)
		defaults(&cfg)
		if change != nil {
			change(&cfg)
		}
		client, err := e6.Open(t.Context(), cfg, e6.WithDialer(far.Dialer(cluster.Dialer())))
		require.NoError(t, err)
		defer client.Close()
		answer(t, client)
		elapse(time.Second)
		test(t, cluster, client)
	})
}

// ten is a query with ten rows.
const ten = "SELECT * FROM numbers(10)"

func TestQuery_FirstRowAfterThreeRoundTrips(t *testing.T) {
	const large = "SELECT * FROM numbers(200000)" // megabytes in one batch
	for name, test := range map[string]struct {
		change     func(*e6.Config)
		opts       []e6test.Option
		sql        string
		first, end float64
	}{
		"an engine that marks the end":                     {nil, nil, ten, 3, 3},
		"a large batch":                                    {nil, []e6test.Option{e6test.WithBatchRows(1_000_000)}, large, 3, 3},
		"an older engine, whose end is a batch of its own": {nil, []e6test.Option{e6test.WithNewFetch(false)}, ten, 3, 4},
		"the count is trusted": {
			func(c *e6.Config) { c.TrustRowCount = true }, []e6test.Option{e6test.WithNewFetch(false)}, ten, 3, 3},
		"the columns are waited for": {
			func(c *e6.Config) { c.FetchAfterMetadata = true }, nil, ten, 4, 4},
		"what may not run again": {nil, nil, "INSERT INTO t VALUES (1)", 4, 4},
	} {
		t.Run(name, func(t *testing.T) {
			overLink(t, test.change, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
				began := time.Now()
				rows, err := client.Query(t.Context(), test.sql)
				require.NoError(t, err)
				defer rows.Close()
				rows.Next()
				require.Equal(t, test.first, trips(began))
				drain(rows)
				require.NoError(t, rows.Err())
				require.Equal(t, test.end, trips(began))
				// The client frees the query in the background.
				synctest.Wait()
				require.Len(t, cluster.OpenQueries(), 1)
				elapse(far.RTT())
				require.Empty(t, cluster.OpenQueries())
			}, test.opts...)
		})
	}
}

func TestPrefetch_RequestsBatchesWhileTheCallerReads(t *testing.T) {
	for name, opts := range map[string][]e6test.Option{
		"several batches in an answer": {e6test.WithBatchRows(10)},
		"one batch in an answer":       {e6test.WithBatchRows(10), e6test.WithNewFetch(false)},
	} {
		t.Run(name, func(t *testing.T) {
			overLink(t, nil, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
				rows, err := client.Query(t.Context(), "SELECT * FROM numbers(200)")
				require.NoError(t, err)
				defer rows.Close()
				n := 0
				for rows.Next() {
					n++
					arrived := time.Now()
					if n%10 == 0 && n < 200 {
						elapse(far.RTT()) // the caller is as slow as the network
						arrived = time.Now()
						require.True(t, rows.Next())
						n++
					}
					require.Zero(t, trips(arrived), "row %d", n)
				}
				require.NoError(t, rows.Err())
				require.Equal(t, 200, n)
			}, opts...)
		})
	}
}

func TestAResultIsReadAheadByBatchesAndByBytes(t *testing.T) {
	for name, test := range map[string]struct {
		change  func(*e6.Config)
		fetches int
	}{
		// The answer that the caller reads, those that wait for the caller, one that
		// waits for room among them, and one that is under way.
		"two batches":  {nil, 1 + 2 + 1 + 1},
		"five batches": {func(c *e6.Config) { c.Prefetch = 5 }, 1 + 5 + 1 + 1},
		// While a batch waits that is larger than the limit, nothing is requested.
		"few bytes": {func(c *e6.Config) { c.Prefetch, c.PrefetchBytes = 5, 1 }, 1 + 1},
	} {
		t.Run(name, func(t *testing.T) {
			overLink(t, test.change, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
				const method = "getNextResultBatch"
				before := cluster.Stats().Calls[method]
				rows, err := client.Query(t.Context(), "SELECT * FROM numbers(1000)")
				require.NoError(t, err)
				defer rows.Close()
				require.True(t, rows.Next())
				elapse(time.Minute)
				require.Equal(t, test.fetches, cluster.Stats().Calls[method]-before)
				require.Equal(t, int64(999), drain(rows))
				require.NoError(t, rows.Err())
			}, e6test.WithBatchRows(10), e6test.WithNewFetch(false))
		})
	}
}

func TestPrefetch_CountsAnAnswerOfManyBatchesWhenItArrives(t *testing.T) {
	const batchRows, chunks, answers = 200, 100, 3
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, _ *e6.Client) {
		client := open(t, cluster, defaults, func(c *e6.Config) {
			// Far less than an answer, which has about 3 bytes for each row and a text.
			c.Prefetch, c.PrefetchBytes = 1, batchRows*chunks
		})
		const method = "getNextResultBatchV2"
		rows, err := client.Query(t.Context(), fmt.Sprintf("SELECT * FROM numbers(%d)", batchRows*chunks*answers))
		require.NoError(t, err)
		defer rows.Close()
		synctest.Wait()
		require.Equal(t, 1, cluster.Stats().Calls[method], "no row is read, and one response fills the buffer")
		n := 0
		for b, err := range rows.Batches() {
			require.NoError(t, err)
			n++
			synctest.Wait()
			unread := chunks*(1+(n-1)/chunks) - n // batches of the present answer
			switch fetches := cluster.Stats().Calls[method]; {
			case unread > chunks/2:
				require.Equal(t, 1+(n-1)/chunks, fetches, "after %d batches", n)
			case unread == 0 && n < chunks*answers:
				require.Equal(t, 1+n/chunks, fetches, "the next answer comes while the last batch is read")
			}
			require.Equal(t, batchRows, b.Rows())
		}
		require.Equal(t, chunks*answers, n)
		require.Equal(t, answers+1, cluster.Stats().Calls[method])
	}, e6test.WithBatchRows(batchRows), e6test.WithChunks(chunks))
}

func TestRelease_NextQueryDoesNotWaitForTheClear(t *testing.T) {
	overLink(t, nil, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		began := time.Now()
		for range 10 {
			answer(t, client)
		}
		require.Equal(t, 30.0, trips(began))
	})
}

// firstAnswer is how many round trips a new client needs to the end of its first query.
func firstAnswer(t *testing.T, cluster *e6test.Cluster, opts ...e6.Option) float64 {
	cfg := config(cluster)
	defaults(&cfg)
	began := time.Now()
	client, err := e6.Open(t.Context(), cfg, append(opts, e6.WithDialer(far.Dialer(cluster.Dialer())))...)
	require.NoError(t, err)
	defer client.Close()
	answer(t, client)
	return trips(began)
}

// A refused login is tried on another connection before green is asked: it may lead to
// another replica of the ingress.
func TestFirstQuery_CostsAtMostTwoMoreRoundTrips(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		cluster := start(t, e6test.InMemory(), e6test.WithActive(e6.Green))
		shared := &store.Memory{}
		const (
			connection   = 2 // TCP, and the settings of HTTP/2
			authenticate = 1
			query        = 3
		)
		require.LessOrEqual(t, firstAnswer(t, cluster), connection+authenticate+query+2.0, "blue is asked first")
		require.LessOrEqual(t, firstAnswer(t, cluster, e6.WithStore(shared)), connection+authenticate+query+2.0)
		require.Equal(t, connection+authenticate+query+0.0, firstAnswer(t, cluster, e6.WithStore(shared)), "the store knows")
	})
}

func TestRoundTrips_AnAnnouncedSideIsActiveAfterOne(t *testing.T) {
	overLink(t, nil, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		cluster.OpenSide(e6.Green)
		cluster.Announce(e6.Green)
		answer(t, client) // receives the announcement with its first response, and stays on blue
		synctest.Wait()
		var received, accepted time.Time
		for _, e := range client.History() {
			switch d := e.Data.(type) {
			case events.AnnouncementReceived:
				received = e.Time
			case events.Transition:
				if d.Event == fsm.EventAccept {
					accepted = e.Time
				}
			}
		}
		require.Equal(t, far.RTT(), accepted.Sub(received), "an authenticate takes as much")
		require.Equal(t, 1, cluster.Stats().CallsBySide[e6.Green]["authenticate"])
		began := time.Now()
		answer(t, client)
		require.Equal(t, 3.0, trips(began))
		require.Equal(t, 3, cluster.Stats().CallsBySide[e6.Green]["prepareStatement"]+cluster.Stats().CallsBySide[e6.Blue]["prepareStatement"])
		require.Equal(t, 1, cluster.Stats().CallsBySide[e6.Green]["prepareStatement"])
	})
}
