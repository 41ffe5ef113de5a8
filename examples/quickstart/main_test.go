package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/vector"
	"github.com/e6data/e6data-go/emulator"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestQuickstart_HasNoFailedQuery(t *testing.T) {
	var stdout, stderr bytes.Buffer
	status := run(t.Context(), []string{"-duration", "2s"}, &stdout, &stderr)
	t.Log(stdout.String())
	require.Zero(t, status, stderr.String())
	lines := strings.Split(strings.TrimSuffix(stdout.String(), "\n"), "\n")
	require.Regexp(t, `^queries=[1-9]\d+ failed=0 cutovers=3 wrong=0$`, lines[len(lines)-1])
	require.Contains(t, stdout.String(), "announce -> transitioning blue->green (preparing)")
	require.NotContains(t, stdout.String(), "\x1b", "a line of progress is for terminals only")
	require.Empty(t, stderr.String())
}

func TestQuickstart_CountsWrongAndFailedQueries(t *testing.T) {
	answers := []error{nil, wrong("order 1 is order 2"), errors.New("refused"), fmt.Errorf("report: %w", wrong("no lines"))}
	w := &worker{name: "worker", query: func(_ context.Context, n int) (e6.Side, int, error) { return e6.Blue, 10, answers[n] }}
	l := &load{workers: []*worker{w}}
	for n := range answers {
		l.once(w, n)
	}
	require.Equal(t, result{queries: 4, failed: 1, wrong: 2}, l.total())
	require.Equal(t, 4, w.on[e6.Blue])
	require.Len(t, w.errs, 3)
}

func TestQuickstart_FindsAnyDifferenceFromTheKnownOrder(t *testing.T) {
	known := emulator.SampleOrder(100)
	amount, err := vector.ParseDecimal(euros(known.AmountCents))
	require.NoError(t, err)
	right := order{ID: 100, Customer: known.CustomerID, Amount: amount, Status: known.Status, At: known.OrderedAt, Note: &known.Note}
	require.NoError(t, right.check(100))
	for name, change := range map[string]func(*order){
		"the number":   func(o *order) { o.ID++ },
		"the customer": func(o *order) { o.Customer++ },
		"the amount":   func(o *order) { o.Amount = vector.Decimal{} },
		"the status":   func(o *order) { o.Status = "" },
		"the time":     func(o *order) { o.At = o.At.Add(time.Microsecond) },
		"the note":     func(o *order) { o.Note = nil },
	} {
		t.Run(name, func(t *testing.T) {
			o := right
			change(&o)
			require.ErrorAs(t, o.check(100), new(errWrong))
		})
	}
}

func TestQuickstart_BadFlagsAreUsageErrors(t *testing.T) {
	for name, args := range map[string][]string{
		"an unknown flag":        {"-speed", "9"},
		"no duration":            {"-duration", "soon"},
		"too short a duration":   {"-duration", "10ms"},
		"an unexpected argument": {"now"},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			require.Equal(t, 2, run(t.Context(), args, &stdout, &stderr))
			require.Contains(t, stderr.String(), "-duration")
			require.Empty(t, stdout.String())
		})
	}
}
