package audit_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/grpc/codes"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/audit"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/internal/bubbles"
	"github.com/e6data/e6data-go/internal/stress"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// files lists the files of a class, the oldest first.
func files(t *testing.T, dir string, class audit.Class) (names []string) {
	t.Helper()
	all, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range all {
		if strings.HasPrefix(e.Name(), string(class)+"-") {
			names = append(names, e.Name())
		}
	}
	return names
}

// records reads the records of a class.
func records(t *testing.T, dir string, class audit.Class) (all []audit.Record) {
	t.Helper()
	for _, name := range files(t, dir, class) {
		text, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			var r audit.Record
			require.NoError(t, json.Unmarshal([]byte(line), &r), line)
			all = append(all, r)
		}
	}
	return all
}

func ofEvent(all []audit.Record, event string) []audit.Record {
	return slices.DeleteFunc(all, func(r audit.Record) bool { return r.Event != event })
}

// audited is a client with an audit log.
func audited(t *testing.T, l *audit.Log) (*e6test.Cluster, *e6.Client) {
	cluster, err := e6test.Start(e6test.InMemory())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, cluster.Close()) })
	client, err := e6.Open(t.Context(), e6.Config{Address: cluster.Addr(), ClusterName: "planted-cluster", User: "me", Token: "secret-token"},
		append(l.Options(), e6.WithDialer(cluster.Dialer()))...)
	require.NoError(t, err)
	return cluster, client
}

func TestLog_HasEveryClassAndNoSecrets(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	l, err := audit.Open(dir, audit.Options{})
	require.NoError(t, err)
	cluster, client := audited(t, l)
	cluster.On("SELECT name FROM users WHERE name = 'planted literal'", e6test.Rows(e6test.Longs("n", 1)))
	_, err = client.QueryAll(t.Context(), "SELECT name FROM users WHERE name = 'planted literal'")
	require.NoError(t, err)
	changed := make(chan events.StrategyChanged, 10)
	defer client.OnStrategyChange(func(change events.StrategyChanged) { changed <- change })()
	cluster.OpenSide(e6.Green)
	cluster.Announce(e6.Green)
	_, err = client.QueryAll(t.Context(), "SELECT 1")
	require.NoError(t, err)
	<-changed
	_, err = client.QueryAll(t.Context(), "SELECT 1")
	require.NoError(t, err)
	// While blue drains, a return to blue would abort the change to green.
	require.Eventually(t, func() bool { return client.Strategy().State == fsm.StateGreen }, stress.Patience, time.Millisecond)
	require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: e6.Blue, Kind: e6test.Abrupt}))
	_, err = client.QueryAll(t.Context(), "SELECT 1")
	require.NoError(t, err)
	cluster.On("SELECT planted FROM nowhere", e6test.Fails(codes.InvalidArgument, "no table nowhere in SELECT planted FROM nowhere"))
	_, err = client.QueryAll(t.Context(), "SELECT planted FROM nowhere")
	require.Error(t, err)
	require.NoError(t, client.Close())
	require.NoError(t, l.Close())

	changes := ofEvent(records(t, dir, audit.ClassStrategy), "strategy_changed")
	require.Len(t, changes, 3)
	require.Equal(t, "detected", changes[0].Transition)
	require.Equal(t, "announced", changes[1].Transition)
	abrupt := changes[2]
	require.Equal(t, "abrupt", abrupt.Transition)
	require.Equal(t, "WARN", abrupt.Level)
	require.Equal(t, "strategy", abrupt.Component)
	require.Equal(t, "refusal: green refused a call", abrupt.Cause)
	require.Equal(t, "planted-cluster", abrupt.Cluster)
	require.Equal(t, cluster.Addr(), abrupt.Address)
	require.Positive(t, abrupt.Duration)
	require.NotEmpty(t, abrupt.Strategy)
	require.WithinDuration(t, time.Now(), abrupt.Time, time.Hour)
	require.NotEmpty(t, ofEvent(records(t, dir, audit.ClassStrategy), "transition"))

	performance := records(t, dir, audit.ClassPerformance)
	require.Len(t, performance, 5, "one for each statement")
	require.NotEmpty(t, performance[0].QueryID)
	require.Positive(t, performance[0].Duration)
	require.Equal(t, "blue", performance[0].Strategy)
	require.Equal(t, "query", performance[0].Component)
	require.EqualValues(t, 1, performance[0].Details["rows"])

	failed := ofEvent(records(t, dir, audit.ClassErrors), audit.EventStatement)
	require.Len(t, failed, 1)
	require.Equal(t, "ERROR", failed[0].Level)
	require.NotEmpty(t, failed[0].Details["code"])

	for _, class := range []audit.Class{audit.ClassStrategy, audit.ClassErrors, audit.ClassPerformance} {
		for _, name := range files(t, dir, class) {
			text, err := os.ReadFile(filepath.Join(dir, name))
			require.NoError(t, err)
			for _, secret := range []string{"planted literal", "nowhere", "SELECT", "secret-token"} {
				require.NotContains(t, string(text), secret, name)
			}
			info, err := os.Stat(filepath.Join(dir, name))
			require.NoError(t, err)
			if runtime.GOOS != "windows" {
				require.Equal(t, fs.FileMode(0o600), info.Mode(), name)
			}
		}
	}
	require.Zero(t, l.Stats().Dropped)
	require.NoError(t, l.Stats().Err)
}

// stuckFile is a file on a disk that does not answer until it is released.
type stuckFile struct {
	audit.File
	released <-chan struct{}
}

func (f stuckFile) Write(p []byte) (int, error) {
	<-f.released
	return f.File.Write(p)
}

func stuck(released <-chan struct{}) func(string) (audit.File, error) {
	return func(path string) (audit.File, error) {
		f, err := audit.OpenFile(path)
		return stuckFile{f, released}, err
	}
}

func TestLog_ADiskThatDoesNotAnswerDelaysNoQuery(t *testing.T) {
	dir, released := t.TempDir(), make(chan struct{})
	l, err := audit.OpenWith(dir, audit.Options{Queue: 4}, stuck(released))
	require.NoError(t, err)
	_, client := audited(t, l)
	for range 50 {
		_, err := client.QueryAll(t.Context(), "SELECT 1")
		require.NoError(t, err)
	}
	require.NoError(t, client.Close())
	dropped := l.Stats().Dropped
	require.Greater(t, dropped, uint64(40))
	close(released)
	require.NoError(t, l.Close())
	reports := ofEvent(records(t, dir, audit.ClassErrors), audit.EventDropped)
	require.Len(t, reports, 1)
	require.EqualValues(t, dropped, reports[0].Details["count"])
}

func TestClose_ReturnsWhenTheDiskDoesNotAnswer(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		released := make(chan struct{})
		l, err := audit.OpenWith(t.TempDir(), audit.Options{CloseTimeout: time.Minute}, stuck(released))
		require.NoError(t, err)
		for range 3 {
			l.Put(audit.ClassErrors, audit.Record{Time: time.Now()})
		}
		synctest.Wait()
		began := time.Now()
		require.ErrorContains(t, l.Close(), "2 records still wait for the disk after 1m0s")
		require.Equal(t, time.Minute, time.Since(began))
		close(released)
		require.NoError(t, l.Close())
		require.EqualValues(t, 3, l.Stats().Written)
		l.Put(audit.ClassErrors, audit.Record{})
		require.EqualValues(t, 1, l.Stats().Dropped, "after Close")
	})
}

func TestFiles_AreKeptAsLongAsTheirClass(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		other := filepath.Join(dir, "strategy-notes.jsonl")
		require.NoError(t, os.WriteFile(other, nil, 0o644))
		l, err := audit.Open(dir, audit.Options{})
		require.NoError(t, err)
		defer func() { require.NoError(t, l.Close()) }()
		classes := map[audit.Class]int{audit.ClassStrategy: 90, audit.ClassErrors: 30, audit.ClassPerformance: 7}
		for range 100 { // a record a day
			for class := range classes {
				l.Put(class, audit.Record{Time: time.Now(), Event: "e"})
			}
			time.Sleep(24 * time.Hour)
			synctest.Wait()
		}
		for class, days := range classes {
			kept := records(t, dir, class)
			oldest := time.Since(kept[0].Time)
			require.Greater(t, oldest, time.Duration(days)*24*time.Hour-time.Hour, class)
			require.Less(t, oldest, time.Duration(days+2)*24*time.Hour, class)
		}
		// Without new records the old ones are removed too.
		time.Sleep(100 * 24 * time.Hour)
		synctest.Wait()
		for class := range classes {
			require.Empty(t, slices.DeleteFunc(files(t, dir, class), func(name string) bool { return name == filepath.Base(other) }))
		}
		require.FileExists(t, other, "files of others are not touched")
		l.Put(audit.ClassStrategy, audit.Record{Time: time.Now(), Event: "again"})
		synctest.Wait()
		require.Len(t, records(t, dir, audit.ClassStrategy), 1)
		require.NoError(t, l.Stats().Err)
	})
}

func TestFiles_AreRotatedBySize(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		l, err := audit.Open(dir, audit.Options{MaxSize: 4096, MaxFiles: 3})
		require.NoError(t, err)
		const n = 200
		for i := range n {
			l.Put(audit.ClassStrategy, audit.Record{Time: time.Now(), Event: "e", Duration: float64(i), Cause: strings.Repeat("x", 100)})
		}
		require.NoError(t, l.Close())
		names := files(t, dir, audit.ClassStrategy)
		require.Len(t, names, 3)
		for _, name := range names {
			info, err := os.Stat(filepath.Join(dir, name))
			require.NoError(t, err)
			require.LessOrEqual(t, info.Size(), int64(4096))
		}
		kept := records(t, dir, audit.ClassStrategy)
		slices.SortFunc(kept, func(a, b audit.Record) int { return int(a.Duration - b.Duration) }) // .10 is before .2
		require.EqualValues(t, n-1, kept[len(kept)-1].Duration)
		require.EqualValues(t, n-len(kept), kept[0].Duration, "the oldest were removed, and no others")

		// The next process appends to the newest file.
		l, err = audit.Open(dir, audit.Options{MaxSize: 1 << 20})
		require.NoError(t, err)
		l.Put(audit.ClassStrategy, audit.Record{Time: time.Now(), Event: "next"})
		require.NoError(t, l.Close())
		require.Len(t, files(t, dir, audit.ClassStrategy), 3)
		require.Len(t, records(t, dir, audit.ClassStrategy), len(kept)+1)
	})
}

func TestFiles_SeveralLogsShareADirectory(t *testing.T) {
	dir := t.TempDir()
	const logs, n = 4, 500
	var all sync.WaitGroup
	for range logs {
		l, err := audit.Open(dir, audit.Options{MaxSize: 16 << 10, MaxFiles: 1000})
		require.NoError(t, err)
		all.Go(func() {
			for i := range n {
				l.Put(audit.ClassErrors, audit.Record{Time: time.Now(), Event: "e", Duration: float64(i)})
			}
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	require.Len(t, records(t, dir, audit.ClassErrors), logs*n, "each line is whole")
	require.Greater(t, len(files(t, dir, audit.ClassErrors)), 5)
}

func TestLog_ContinuesAfterAnErrorOfTheDisk(t *testing.T) {
	dir, full := t.TempDir(), true
	errFull := errors.New("no space left")
	l, err := audit.OpenWith(dir, audit.Options{}, func(path string) (audit.File, error) {
		if full {
			full = false
			return nil, errFull
		}
		return audit.OpenFile(path)
	})
	require.NoError(t, err)
	l.Put(audit.ClassErrors, audit.Record{Time: time.Now()})
	l.Put(audit.ClassErrors, audit.Record{Time: time.Now()})
	require.NoError(t, l.Close())
	require.ErrorIs(t, l.Stats().Err, errFull)
	require.EqualValues(t, 1, l.Stats().Failed)
	require.EqualValues(t, 1, l.Stats().Written)
}

func TestOpen_RefusesWhatCannotWork(t *testing.T) {
	_, err := audit.Open(t.TempDir(), audit.Options{KeepErrors: time.Hour, MaxSize: 1})
	require.ErrorContains(t, err, "Options.KeepErrors is 1h0m0s: want 24h0m0s or more")
	require.ErrorContains(t, err, "Options.MaxSize is 1: want 4096 or more")
	blocked := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(blocked, nil, 0o600))
	_, err = audit.Open(filepath.Join(blocked, "audit"), audit.Options{})
	require.ErrorContains(t, err, "audit: make the directory")
}

func BenchmarkStatement(b *testing.B) {
	l, err := audit.Open(b.TempDir(), audit.Options{})
	require.NoError(b, err)
	defer func() { require.NoError(b, l.Close()) }()
	cluster, err := e6test.Start(e6test.InMemory())
	require.NoError(b, err)
	defer func() { require.NoError(b, cluster.Close()) }()
	for name, opts := range map[string][]e6.Option{"without": nil, "with": l.Options()} {
		b.Run(name, func(b *testing.B) {
			client, err := e6.Open(context.Background(), e6.Config{Address: cluster.Addr(), User: "me", Token: "t"}, append(opts, e6.WithDialer(cluster.Dialer()))...)
			require.NoError(b, err)
			defer func() { require.NoError(b, client.Close()) }()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := client.QueryAll(context.Background(), "SELECT 1"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
