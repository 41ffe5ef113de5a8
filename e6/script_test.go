package e6_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/internal/bubbles"
)

// A script is what happens to a cluster and its client, drawn before it runs.
type script struct {
	refusal     e6test.Refusal
	newFetch    bool
	emptyEvery  int
	batchRows   int
	resumeDelay time.Duration
	latency     time.Duration // of every call, so that cutovers meet some
	steps       []scriptStep
	workers     [][]scriptQuery
}

// A scriptStep is something that happens to the cluster.
type scriptStep struct {
	after  time.Duration
	what   string
	length time.Duration // a grace or an outage, ten times a delay, a hundred times a latency
	gone   bool          // the origin's engine goes with its side
}

// A scriptQuery is something that a user asks.
type scriptQuery struct {
	after    time.Duration
	kind     string
	size     int
	pause    time.Duration // of the reader of a stream
	deadline time.Duration // 0: none
}

func drawScript(t *rapid.T) script {
	ms := func(from, to int, label string) time.Duration {
		return time.Duration(rapid.IntRange(from, to).Draw(t, label)) * time.Millisecond
	}
	s := script{
		refusal:  rapid.SampledFrom([]e6test.Refusal{e6test.RefuseHTTP, e6test.RefuseGRPC, e6test.RefuseMock}).Draw(t, "refusal"),
		newFetch: rapid.Bool().Draw(t, "new fetch"), emptyEvery: rapid.SampledFrom([]int{0, 2, 3}).Draw(t, "empty answers"),
		batchRows: rapid.IntRange(8, 60).Draw(t, "batch rows"), resumeDelay: ms(0, 120_000, "resume delay"), latency: ms(0, 400, "latency"),
	}
	for range rapid.IntRange(0, 6).Draw(t, "steps") {
		s.steps = append(s.steps, scriptStep{
			after: ms(0, 20_000, "after"), length: ms(0, 15_000, "length"), gone: rapid.Bool().Draw(t, "gone"),
			what: rapid.SampledFrom([]string{"graceful", "abrupt", "announce-first", "suspend", "expire", "latency", "late", "outage", "drop"}).Draw(t, "step"),
		})
	}
	for range rapid.IntRange(1, 3).Draw(t, "workers") {
		var queries []scriptQuery
		for range rapid.IntRange(1, 8).Draw(t, "queries") {
			q := scriptQuery{
				after: ms(0, 8_000, "think"), size: rapid.IntRange(0, 150).Draw(t, "size"),
				kind: rapid.SampledFrom([]string{"whole", "stream", "sleep", "insert", "fail"}).Draw(t, "kind"), pause: ms(0, 200, "pause"),
			}
			if rapid.IntRange(0, 3).Draw(t, "impatient") == 0 {
				q.deadline = ms(1, 5_000, "deadline")
			}
			queries = append(queries, q)
		}
		s.workers = append(s.workers, queries)
	}
	return s
}

// count is how often something happens.
func (s script) count(what string) (n int) {
	for _, step := range s.steps {
		if step.what == what {
			n++
		}
	}
	return n
}

// An outcome is how a query ended.
type outcome struct {
	scriptQuery
	sql   string
	id    int64  // of an insert
	rows  int    // that were delivered
	wrong string // the first row that is not what it should be
	err   error
	took  time.Duration
}

// An ending is how a script ended.
type ending struct {
	outcomes   []outcome
	last       error // of a query after all has calmed down
	inserted   []int64
	stats      e6.Stats
	unnamed    []e6test.QueryInfo
	violations []string
}

// play runs a script in a bubble. It checks nothing.
func play(t *testing.T, s script) (end ending) {
	bubbles.Test(t, func(t *testing.T) {
		engine := e6test.NewCannedEngine()
		cluster, err := e6test.Start(e6test.InMemory(), e6test.WithEngine(engine), e6test.WithRefusal(s.refusal), e6test.WithNewFetch(s.newFetch),
			e6test.WithEmptyAnswers(s.emptyEvery), e6test.WithBatchRows(s.batchRows), e6test.WithChunks(2), e6test.WithResumeDelay(s.resumeDelay), e6test.WithLatency(s.latency))
		require.NoError(t, err)
		defer cluster.Close()
		client := open(t, cluster, defaults)
		var left names
		defer client.Subscribe(left.add, events.Kinds(events.KindQueryAbandoned), events.Queue(1<<12))()

		var wg sync.WaitGroup
		var mu sync.Mutex
		for w, queries := range s.workers {
			wg.Go(func() {
				for i, q := range queries {
					<-time.After(q.after)
					o := ask(t.Context(), client, q, 1000*w+i+1)
					mu.Lock()
					end.outcomes = append(end.outcomes, o)
					mu.Unlock()
				}
			})
		}
		s.act(t.Context(), cluster)
		wg.Wait()
		cluster.Resume()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, end.last = client.QueryAll(ctx, "SELECT 1")
		elapse(time.Minute) // clears have limits of their own
		end.stats, end.inserted = client.Stats(), engine.Inserted("log")
		end.unnamed, end.violations = left.missing(cluster.OpenQueries()), cluster.Stats().Violations
	})
	return end
}

// act applies the script to the cluster.
func (s script) act(ctx context.Context, cluster *e6test.Cluster) {
	side := e6.Blue
	cut := func(kind e6test.CutoverKind, step scriptStep) {
		side = side.Other()
		_ = cluster.Cutover(ctx, e6test.Cutover{To: side, Kind: kind, Grace: step.length, EngineGone: step.gone})
	}
	for _, step := range s.steps {
		<-time.After(step.after)
		switch step.what {
		case "graceful":
			cut(e6test.Graceful, step)
		case "abrupt":
			cut(e6test.Abrupt, step)
		case "announce-first":
			cut(e6test.AnnounceFirst, step)
		case "suspend":
			cluster.Suspend()
		case "expire":
			cluster.ExpireSessions()
		case "latency":
			cluster.SetLatency(side, step.length/100)
		case "late":
			cluster.Inject(e6test.Fault{Action: e6test.DelayAfter, Delay: step.length / 10, Times: 3})
		case "outage":
			cluster.CloseSide(side)
			<-time.After(step.length)
			cluster.OpenSide(side)
		case "drop":
			cluster.DropConnections()
		}
	}
}

// ask makes one query and reads its result.
func ask(ctx context.Context, client *e6.Client, q scriptQuery, id int) (o outcome) {
	o.scriptQuery = q
	if q.deadline > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, q.deadline)
		defer cancel()
	}
	began := time.Now()
	defer func() { o.took = time.Since(began) }()
	check := func(row []any) {
		if (row[0] != int64(o.rows) || row[1] != e6test.NumbersText(o.rows)) && o.wrong == "" {
			o.wrong = fmt.Sprintf("row %d is %v", o.rows, row)
		}
		o.rows++
	}
	o.sql = fmt.Sprintf("SELECT * FROM numbers(%d)", q.size)
	switch q.kind {
	case "whole":
		var result *e6.Result
		if result, o.err = client.QueryAll(ctx, o.sql); o.err == nil {
			for row := range result.Rows() {
				check(row)
			}
		}
	case "stream":
		var rows *e6.Rows
		if rows, o.err = client.Query(ctx, o.sql); o.err != nil {
			return o
		}
		defer rows.Close()
		for rows.Next() {
			check(rows.Values())
			<-time.After(q.pause)
		}
		o.err = rows.Err()
	case "sleep":
		o.sql = fmt.Sprintf("SELECT sleep(%d)", 10*q.size)
		o.err = client.Exec(ctx, o.sql)
	case "insert":
		o.id = int64(id)
		o.sql = fmt.Sprintf("INSERT INTO log VALUES (%d)", id)
		o.err = client.Exec(ctx, o.sql)
	case "fail":
		o.sql = "FAIL as requested"
		o.err = client.Exec(ctx, o.sql)
	}
	return o
}

// violation returns the rule that the outcome of a query breaks, or nothing.
func (o outcome) violation(s script, inserted int) string {
	cut, lost := errors.AsType[*e6.CutoverError](o.err)
	answered, ok := errors.AsType[*e6.QueryError](o.err)
	_, sideless := errors.AsType[*e6.DetectionError](o.err)
	late := o.deadline > 0 && errors.Is(o.err, context.DeadlineExceeded)
	switch {
	case o.wrong != "":
		return o.wrong
	case late && o.took < o.deadline:
		return "it ended before its deadline"
	case late:
		return ""
	case sideless && s.count("suspend") > 1 && inserted == 0:
		// A detection wakes the cluster once, and this one fell asleep again.
		return ""
	}
	switch o.kind {
	case "whole", "sleep":
		if o.err != nil {
			return "a read that nothing was shown of can be saved"
		}
	case "stream":
		if o.err != nil && (!lost || cut.RowsDelivered == 0 || cut.RowsDelivered < int64(o.rows) || cut.MayHaveTakenEffect) {
			return "a stream is complete, or cut off after rows were read"
		}
	case "insert":
		switch {
		case o.err == nil && inserted != 1, inserted > 1:
			return fmt.Sprintf("it was done %d times", inserted)
		case o.err != nil && (!lost || !cut.MayHaveTakenEffect):
			return "a write succeeds, or may have taken effect"
		}
	case "fail":
		if !lost && (!ok || answered.Message != "as requested") {
			return "the engine's own answer is lost"
		}
	}
	if (o.kind == "whole" || o.kind == "stream") && o.err == nil && o.rows != o.size {
		return fmt.Sprintf("%d rows of %d look complete", o.rows, o.size)
	}
	return ""
}

func TestScript_EveryQueryIsRightOrReportsItsLoss(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := drawScript(rt)
		end := play(t, s)
		done := map[int64]int{}
		for _, n := range end.inserted {
			done[n]++
		}
		for _, o := range end.outcomes {
			if problem := o.violation(s, done[o.id]); problem != "" {
				rt.Fatalf("%s: %s: %d rows, %v (after %s)", o.sql, problem, o.rows, o.err, o.took)
			}
		}
		if end.last != nil {
			rt.Fatalf("the client does not recover: %v", end.last)
		}
		if n := end.stats.InFlight; n[e6.Blue] != 0 || n[e6.Green] != 0 {
			rt.Fatalf("pins are left: %v", n)
		}
		if s.count("drop") > 0 {
			// The answer that had the name of a query may have been lost.
			end.unnamed = slices.DeleteFunc(end.unnamed, func(q e6test.QueryInfo) bool { return q.State == "prepared" })
		}
		if len(end.unnamed) > 0 {
			rt.Fatalf("the server holds queries without an Abandoned event: %v", end.unnamed)
		}
		if len(end.violations) > 0 {
			rt.Fatalf("the client did what it may not: %v", end.violations)
		}
	})
}
