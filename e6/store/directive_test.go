package store_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/store"
	"github.com/e6data/e6data-go/internal/bubbles"
)

var directive = store.Directive{Side: fsm.Green, Reason: "the sums are wrong", Who: "ops@host", For: time.Hour}

func TestRollback_ActivatesTheOtherSideAndAddsAVeto(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		var s store.Memory
		before, err := s.CompareAndSwap(t.Context(), "c", 0, store.Record{Active: fsm.Green, Announced: fsm.Green, Epoch: 3, Writer: "w"})
		require.NoError(t, err)
		now := time.Now()
		got, err := store.Rollback(t.Context(), &s, "c", directive)
		require.NoError(t, err)
		require.Equal(t, store.Record{
			Version: before.Version + 1, Active: fsm.Blue, Epoch: 4, Writer: "ops@host", At: now,
			Vetoes: []store.Veto{{Side: fsm.Green, Writer: "ops@host", Directive: true, Reason: "the sums are wrong", At: now, Until: now.Add(time.Hour)}},
		}, got)

		time.Sleep(time.Minute)
		again, err := store.Rollback(t.Context(), &s, "c", directive)
		require.NoError(t, err)
		require.Equal(t, uint64(4), again.Epoch, "blue was active already")
		require.Len(t, again.Vetoes, 1, "it replaces the directive before it")
		require.Equal(t, time.Hour, again.Vetoes[0].Remaining())
	})
}

func TestRollback_WorksOnAnEmptyStore(t *testing.T) {
	var s store.Memory
	got, err := store.Rollback(t.Context(), &s, "c", directive)
	require.NoError(t, err)
	require.Equal(t, fsm.Blue, got.Active)
	require.True(t, got.Vetoed(fsm.Green))
}

func TestRollback_ToASideWithAVetoIsRefused(t *testing.T) {
	var s store.Memory
	_, err := store.Rollback(t.Context(), &s, "c", directive)
	require.NoError(t, err)
	other := directive
	other.Side = fsm.Blue
	current, err := store.Rollback(t.Context(), &s, "c", other)
	require.EqualError(t, err, `store: directive: Side is "blue": want a side whose other side is usable: a veto on green is active, release it first`)
	require.Equal(t, uint64(1), current.Version, "nothing was changed")

	released, n, err := store.Release(t.Context(), &s, "c", fsm.Green, "ops@host")
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Empty(t, released.Vetoes)
	require.Equal(t, fsm.Blue, released.Active, "a release moves no client")
	_, err = store.Rollback(t.Context(), &s, "c", other)
	require.NoError(t, err)
}

func TestRelease_RemovesTheVetoesOfOneSide(t *testing.T) {
	var s store.Memory
	now := time.Now()
	veto := func(side fsm.Side, writer string) store.Veto {
		return store.Veto{Side: side, Writer: writer, Reason: "sick", At: now, Until: now.Add(time.Hour)}
	}
	_, err := s.CompareAndSwap(t.Context(), "c", 0, store.Record{Active: fsm.Blue, Vetoes: []store.Veto{veto(fsm.Green, "a"), veto(fsm.Blue, "b"), veto(fsm.Green, "c")}})
	require.NoError(t, err)
	record, n, err := store.Release(t.Context(), &s, "c", fsm.Green, "ops@host")
	require.NoError(t, err)
	require.Equal(t, 2, n)
	require.Len(t, record.Vetoes, 1)
	require.True(t, record.Vetoed(fsm.Blue))

	again, n, err := store.Release(t.Context(), &s, "c", fsm.Green, "ops@host")
	require.NoError(t, err)
	require.Zero(t, n)
	require.Equal(t, record.Version, again.Version, "without a veto to release nothing is written")
}

func TestRollback_RefusesAnInvalidDirective(t *testing.T) {
	var s store.Memory
	for want, change := range map[string]func(o *store.Directive){
		`Side is "none": want blue or green`:               func(o *store.Directive) { o.Side = fsm.None },
		`Reason is "": want a reason of 200 bytes at most`: func(o *store.Directive) { o.Reason = "" },
		`want a reason of 200 bytes`:                       func(o *store.Directive) { o.Reason = strings.Repeat("x", 201) },
		`Who is "": want a name of 64 bytes at most`:       func(o *store.Directive) { o.Who = "" },
		`want a name of 64 bytes`:                          func(o *store.Directive) { o.Who = strings.Repeat("x", 65) },
		`For is "0s": want a time of 24h0m0s at most`:      func(o *store.Directive) { o.For = 0 },
		`For is "25h0m0s"`:                                 func(o *store.Directive) { o.For = 25 * time.Hour },
	} {
		o := directive
		change(&o)
		_, err := store.Rollback(t.Context(), &s, "c", o)
		bad := new(store.DirectiveError)
		require.ErrorAs(t, err, &bad)
		require.ErrorContains(t, err, want)
	}
	record, err := s.Load(t.Context(), "c")
	require.NoError(t, err)
	require.Zero(t, record.Version)
}

func TestRollback_RetriesConflictsUntilItWrites(t *testing.T) {
	var s store.Memory
	ctx, stop := context.WithCancel(t.Context())
	var others sync.WaitGroup
	for i := range 4 {
		others.Go(func() {
			for ctx.Err() == nil {
				f, err := s.Load(ctx, "c")
				if err == nil {
					f.Writer = fmt.Sprint(i)
					_, _ = s.CompareAndSwap(ctx, "c", f.Version, f)
				}
			}
		})
	}
	for range 50 {
		_, err := store.Rollback(t.Context(), &s, "c", directive)
		require.NoError(t, err)
		_, n, err := store.Release(t.Context(), &s, "c", fsm.Green, "ops@host")
		require.NoError(t, err)
		require.Equal(t, 1, n)
	}
	stop()
	others.Wait()
}

func TestVeto_ThatHasEndedIsIgnored(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		now := time.Now()
		veto := func(writer string, ends time.Duration) store.Veto {
			return store.Veto{Side: fsm.Green, Writer: writer, At: now, Until: now.Add(ends)}
		}
		f := store.Record{Vetoes: []store.Veto{veto("a", time.Minute), veto("b", time.Hour)}}
		time.Sleep(2 * time.Minute)
		require.Len(t, f.ActiveVetoes(), 1)
		with, added := f.WithVeto(veto("c", time.Hour))
		require.True(t, added)
		require.Len(t, with.Vetoes, 2)
		require.Len(t, f.Vetoes, 2, "the record it came from stays as it was")
		require.Equal(t, "a", f.Vetoes[0].Writer)
		_, added = f.WithVeto(veto("c", time.Second))
		require.False(t, added)
		require.LessOrEqual(t, veto("c", 100*time.Hour).Remaining(), store.MaxVeto)
	})
}

func TestWithVeto_OnlyADirectiveReplacesAnotherWritersVeto(t *testing.T) {
	now := time.Now()
	var f store.Record
	for i := range store.MaxVetoes {
		f, _ = f.WithVeto(store.Veto{Side: fsm.Green, Writer: fmt.Sprint(i), At: now, Until: now.Add(time.Hour)})
	}
	ninth := store.Veto{Side: fsm.Green, Writer: "ninth", At: now, Until: now.Add(time.Hour)}
	_, added := f.WithVeto(ninth)
	require.False(t, added)
	ninth.Directive = true
	with, added := f.WithVeto(ninth)
	require.True(t, added)
	require.Len(t, with.Vetoes, store.MaxVetoes)
	require.Equal(t, "1", with.Vetoes[0].Writer, "the oldest has gone")
}
