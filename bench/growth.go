package main

import (
	"context"
	"fmt"
	"time"

	"github.com/e6data/e6data-go/bench/report"
	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/vector"
	"github.com/e6data/e6data-go/proto/thrift/chunk"
)

// growths are the curves, each with what is compared in it.
var growths = []struct {
	name    string
	measure func() (report.Curve, result, error)
}{
	{"short queries on 512 goroutines", throughput},
	{"heap after 10,000 cutovers", endurance},
}

// throughput is how many short queries a second run on more and more goroutines, with
// the client and with the bare stub. The second result compares the most with the best.
func throughput() (report.Curve, result, error) {
	const rounds = 21
	s, err := newScene(e6test.Link{})
	if err != nil {
		return report.Curve{}, result{}, err
	}
	defer s.end()
	c := report.Curve{File: "throughput.svg", Title: "Short queries over loopback", X: "goroutines", Y: "queries a second", Lines: []report.Line{{Name: "client"}, {Name: "generated stub"}}}
	sums := map[int][2][]float64{}
	counts := []int{1, 8, 64, 512}
	for range rounds {
		for _, n := range counts {
			both := sums[n]
			for i, one := range []func(){s.query, func() { s.stub.query(short) }} {
				const queries = 4 * 512 // so that the beginning of a goroutine does not count
				began := time.Now()
				spread(n, one)(queries)
				both[i] = append(both[i], queries/time.Since(began).Seconds())
			}
			sums[n] = both
		}
	}
	// toBest is how fast the most goroutines are, in each round, beside the best.
	toBest := func(way int) (ratios []float64) {
		for round := range rounds {
			best := 0.0
			for _, n := range counts {
				best = max(best, sums[n][way][round])
			}
			ratios = append(ratios, sums[512][way][round]/best)
		}
		return ratios
	}
	for i := range c.Lines {
		for _, n := range counts {
			c.Lines[i].X = append(c.Lines[i].X, float64(n))
			c.Lines[i].Y = append(c.Lines[i].Y, comparison{}.sum(sums[n][i]).median)
		}
	}
	return c, comparison{
		name: "short queries on 512 goroutines", against: "the best of 1, 8, 64 and 512", goal: 0.9, more: true, unit: ofSpeed,
		reason: fmt.Sprintf("the garbage collector has more stacks to look at, and takes 15 %% of the processor with 512 queries in flight, 10 %% with 64; a query that waits for its prepare has two, so that its caller can leave; the generated stub, which has one, comes to %.2f", comparison{}.sum(toBest(1)).median),
	}.sum(toBest(0)), nil
}

// endurance is the memory of a client after more and more cutovers. The server keeps
// nothing of what is over.
func endurance() (report.Curve, result, error) {
	const most = 10_000
	raw, err := encoded(column(chunk.VectorType_LONG, &chunk.Data{Int64Data: &chunk.Int64Data{Data: make([]int64, rows)}}))
	if err != nil {
		return report.Curve{}, result{}, err
	}
	server, err := serveCanned([]vector.Field{{Name: "n", Type: vector.Long}}, raw, rows, 1)
	if err != nil {
		return report.Curve{}, result{}, err
	}
	defer server.close()
	server.cut(e6.Blue)
	client, err := e6.Open(context.Background(), e6.Config{Address: server.addr, User: "me", Token: "any"})
	if err != nil {
		return report.Curve{}, result{}, err
	}
	defer func() { must(client.Close()) }()
	c := report.Curve{File: "cutovers.svg", Title: "Heap after cutovers, with a query after each", X: "cutovers", Y: "MiB", Lines: []report.Line{{Name: "client and server"}}}
	at := map[int]float64{}
	for n := 1; n <= most; n++ {
		to := client.Strategy().Active.Other()
		server.cut(to)
		if _, err := client.QueryAll(context.Background(), short); err != nil { // is refused, and finds the new side
			return report.Curve{}, result{}, fmt.Errorf("cutover %d: %w", n, err)
		}
		if now := client.Strategy(); now.Active != to {
			return report.Curve{}, result{}, fmt.Errorf("cutover %d to %s ended in %s", n, to, now)
		}
		switch n {
		case 1, 10, 100, 1000, most:
			at[n] = heap() / kib / kib
			c.Lines[0].X, c.Lines[0].Y = append(c.Lines[0].X, float64(n)), append(c.Lines[0].Y, at[n])
		}
	}
	// The history of events is full after the first hundred.
	return c, comparison{name: "heap after 10,000 cutovers, with a query after each", against: "after 100", goal: 1.1, unit: "x memory"}.sum([]float64{at[most] / at[100]}), nil
}
