package sqlvalue

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/internal/stress"
)

// large are statements and arguments of about a size in bytes.
var large = map[string]func(size int) (text string, args []any){
	"a string": func(size int) (string, []any) { return "SELECT ?", []any{strings.Repeat("a", size)} },
	"a string of quotes": func(size int) (string, []any) {
		return "SELECT ?", []any{strings.Repeat(`'\é`, size/4)}
	},
	"bytes":  func(size int) (string, []any) { return "SELECT ?", []any{make([]byte, size)} },
	"a list": func(size int) (string, []any) { return "SELECT 1 IN (?)", []any{texts(size / 10)} },
	"a list of numbers": func(size int) (string, []any) {
		return "SELECT 1 IN (?)", []any{make([]int32, size/10)}
	},
	"many arguments": func(size int) (string, []any) {
		args := make([]any, size/10)
		for i := range args {
			args[i] = "abcdefghij"
		}
		return "SELECT ?" + strings.Repeat(",?", len(args)-1), args
	},
	"many uses of a name": func(size int) (string, []any) {
		return "SELECT :a" + strings.Repeat(",:a", size/10), []any{sql.Named("a", "abcdefghij")}
	},
	"many names": func(size int) (string, []any) {
		var text strings.Builder
		var args []any
		for i := range size / 10 {
			fmt.Fprintf(&text, ",:a%d", i)
			args = append(args, sql.Named(fmt.Sprintf("a%d", i), i))
		}
		return "SELECT 1" + text.String(), args
	},
	"a long statement": func(size int) (string, []any) { return "SELECT ?" + strings.Repeat(", a", size/3), []any{1} },
}

func texts(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = "abcdefghij"
	}
	return list
}

// ways are the ways to send arguments.
func ways() map[string]func() valueWriter {
	return map[string]func() valueWriter{
		"literals":          func() valueWriter { return literals{} },
		"server parameters": func() valueWriter { return &parameters{} },
	}
}

// TestBind_TakesTimeInProportionToItsArguments compares the time of a large input with that
// of many small ones of the same total size. Both take about as long, so that other programs
// delay them alike.
func TestBind_TakesTimeInProportionToItsArguments(t *testing.T) {
	for way, to := range ways() {
		for name, of := range large {
			t.Run(way+"/"+name, func(t *testing.T) {
				elapsed := func(size, times int) float64 {
					text, args := of(size)
					best := math.Inf(1)
					for range 3 {
						began := time.Now()
						for range times {
							_, err := bind(t.Context(), text, args, to(), math.MaxInt32)
							require.NoError(t, err)
						}
						best = min(best, float64(time.Since(began)))
					}
					return best
				}
				small, factor := 16<<10, stress.Count(16, 32)
				ratio := 0.0
				for range 5 { // other programs want the processor too
					if ratio = elapsed(small*factor, 1) / elapsed(small, factor); ratio < float64(factor)/2 {
						return
					}
				}
				t.Errorf("an input of %d times the size takes %.1f times as long per byte", factor, ratio)
			})
		}
	}
}

// doomed is a context that ends when it has been looked at a number of times.
type doomed struct {
	context.Context
	looks int
}

func (d *doomed) Err() error {
	if d.looks--; d.looks < 0 {
		return context.Canceled
	}
	return nil
}

func TestBind_StopsWhenItsCallerIsGone(t *testing.T) {
	for way, to := range ways() {
		for name, of := range large {
			t.Run(way+"/"+name, func(t *testing.T) {
				text, args := of(1 << 20)
				ctx := &doomed{Context: t.Context(), looks: 8}
				_, err := bind(ctx, text, args, to(), math.MaxInt32)
				require.ErrorIs(t, err, context.Canceled)
				require.Greater(t, ctx.looks, -8, "it ended at the first check after the cancellation")
			})
		}
	}
}

func TestBind_StopsAtMaxSendBytesAndNamesIt(t *testing.T) {
	const limit = 100_000
	for way, to := range ways() {
		for name, of := range large {
			t.Run(way+"/"+name, func(t *testing.T) {
				text, args := of(1 << 20)
				ctx := &doomed{Context: t.Context(), looks: 1_000_000}
				before := allocated()
				_, err := bind(ctx, text, args, to(), limit)
				spent := allocated() - before
				var problem *BindError
				require.ErrorAs(t, err, &problem)
				require.Regexp(t, `e6: parameter \S+: the statement has \d+ bytes or more, and Config.MaxSendBytes allows 100000: raise it`, err.Error())
				if len(args) == 1 {
					require.Less(t, spent, uint64(20*limit), "nothing is made that is not sent")
				}
			})
		}
	}
	_, err := bind(t.Context(), strings.Repeat("a", limit+1), nil, literals{}, limit)
	require.ErrorContains(t, err, "the statement has 100001 bytes or more, and Config.MaxSendBytes allows 100000")
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

func TestBind_AStringLiteralTakesLittleMemory(t *testing.T) {
	const n = 10_000
	before := allocated()
	_, err := bind(t.Context(), "SELECT 1 IN (?)", []any{texts(n)}, literals{}, math.MaxInt32)
	require.NoError(t, err)
	require.Less(t, allocated()-before, uint64(n*200))
}

// BenchmarkBind reports the time and the memory per byte of the arguments.
func BenchmarkBind(b *testing.B) {
	for name, of := range large {
		for _, size := range []int{1 << 10, 1 << 20, 16 << 20} {
			b.Run(fmt.Sprintf("%s/%d", name, size), func(b *testing.B) {
				text, args := of(size)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					if _, err := bind(b.Context(), text, args, literals{}, math.MaxInt32); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
