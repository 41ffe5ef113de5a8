package examples_test

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/vector"
)

// arguments are the Go values of the table of literals in the document.
func arguments(t *testing.T) map[string]any {
	at := time.Date(2026, 2, 12, 5, 30, 0, 0, time.FixedZone("", 19_800))
	return map[string]any{
		"nil": nil, "true": true, "-5": -5, "uint64(math.MaxUint64)": uint64(math.MaxUint64), "0.1": 0.1, "float32(0.1)": float32(0.1),
		"math.Inf(-1)": math.Inf(-1), `"it's C:\\"`: "it's C:\\", "[]byte{0, 255}": []byte{0, 255}, "e6.Decimal, 12.50": number(t, "12.50"),
		"vector.DateValue, 2026-02-12": vector.DateValue{Days: at.UTC().Unix() / 86_400}, "time.Time, 2026-02-12T05:30:00+05:30": at,
		"[]int{1, 2}": []int{1, 2}, "[]int{}": []int{}, `sql.NullString{String: "x", Valid: true}`: sql.NullString{String: "x", Valid: true},
	}
}

// paramEngine is an engine that records the parameters of a statement.
type paramEngine struct {
	*e6test.CannedEngine
	received chan []e6test.Parameter
}

func (l paramEngine) Prepare(ctx context.Context, s e6test.Statement) (e6test.Prepared, error) {
	p, err := l.CannedEngine.Prepare(ctx, e6test.Statement{SQL: "SELECT 1"})
	return paramStatement{p, l, strings.Count(s.SQL, "?")}, err
}

// paramStatement is a statement of a paramEngine.
type paramStatement struct {
	e6test.Prepared
	paramEngine
	n int
}

func (h paramStatement) Parameters() []string { return make([]string, h.n) }

func (h paramStatement) Bind(_ context.Context, values []e6test.Parameter) error {
	h.received <- values
	return nil
}

func TestDocuments_TableOfLiteralsEqualsTheCode(t *testing.T) {
	t.Parallel()
	written := tableOf(t, "literals")
	args := arguments(t)
	require.Len(t, written, len(args))
	write := writers(t)[e6.EscapeSafe]
	recorder := paramEngine{e6test.NewCannedEngine(), make(chan []e6test.Parameter, 1)}
	cluster, err := e6test.Start(e6test.WithEngine(recorder))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, cluster.Close()) })
	beside := askAt(t, cluster.Addr(), e6.WithServerParameters())
	for name, arg := range args {
		row := written["`"+name+"`"]
		require.NotEmpty(t, row, name)
		require.Equal(t, "`"+strings.TrimPrefix(write("SELECT ?", arg), "SELECT ")+"`", row[1], name)
		require.NoError(t, beside.client.Exec(t.Context(), "SELECT ?", arg))
		var sent []string
		select {
		case params := <-recorder.received:
			for _, p := range params {
				sent = append(sent, fmt.Sprintf("`%s`: `%s`", p.Type, p.Text))
			}
		default: // it was written as a literal
		}
		require.Equal(t, strings.Join(sent, ", "), row[2], name)
	}
}

func TestDocuments_TableOfEscapesEqualsTheCode(t *testing.T) {
	t.Parallel()
	for escape, write := range writers(t) {
		name := map[e6.Escape]string{e6.EscapeSafe: "`EscapeSafe`, the default", e6.EscapeBackslash: "`EscapeBackslash`", e6.EscapeStandard: "`EscapeStandard`"}[escape]
		require.Equal(t, "`"+strings.TrimPrefix(write("SELECT ?", `it's C:\`), "SELECT ")+"`", tableOf(t, "escapes")[name][1])
	}
}
