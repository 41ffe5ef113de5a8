package record

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/e6/recorder"
	"github.com/e6data/e6data-go/internal/bubbles"
	"github.com/e6data/e6data-go/internal/lockedbuffer"
)

// The file of a program is followed: also more entries than one part of it can hold, the
// entries of a clock that was set back, and a file that takes its place.
func TestTail_FollowsAFile(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		path, r := recording(t)
		end := func(rows int64) {
			r.QueryEnd(t.Context(), hook.QueryEnd{Side: fsm.Blue, Rows: rows, QueryID: "q"})
		}
		for n := range int64(5) {
			end(n)
		}
		ctx, stop := context.WithCancel(t.Context())
		var out lockedbuffer.Buffer
		read := 0
		done := make(chan error)
		go func() { done <- Tail(ctx, path, NewPrinter(&out, false, time.UTC), Filter{}, 2, time.Second) }()
		added := func(want ...string) {
			t.Helper()
			time.Sleep(time.Second)
			synctest.Wait()
			var got []string
			text := out.String()
			for line := range strings.Lines(text[read:]) {
				if _, text, found := strings.Cut(line, "rows="); found {
					rows, _, _ := strings.Cut(text, " ")
					got = append(got, rows)
				}
			}
			require.Equal(t, want, got)
			read = len(text)
		}
		synctest.Wait()
		added("3", "4")
		added()
		end(5)
		end(6) // at the same time
		added("5", "6")
		end(7)
		added("7")

		// The file is replaced by a recorder of another size.
		require.NoError(t, r.Close())
		require.NoError(t, os.Rename(path, path+".old"))
		time.Sleep(time.Second)
		synctest.Wait()
		r = recorder.File(path, recorder.Size(2*recorder.MinSize))
		require.NoError(t, r.Open())
		end(8)
		added("8")
		require.NoError(t, r.Close())
		stop()
		require.NoError(t, <-done)

		require.NoError(t, os.Remove(path))
		require.ErrorIs(t, Tail(t.Context(), path, NewPrinter(&out, false, time.UTC), Filter{}, 2, time.Second), os.ErrNotExist)
	})
}

func TestTail_EndsIfTheFileIsRemoved(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		path, _ := recording(t)
		time.AfterFunc(time.Minute, func() { _ = os.Remove(path) })
		var out bytes.Buffer
		require.ErrorIs(t, Tail(t.Context(), path, NewPrinter(&out, false, time.UTC), Filter{}, 2, time.Second), os.ErrNotExist)
		require.Empty(t, out.String())
	})
}
