package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/store"
)

func nothingKnown(t *testing.T, open Opener) {
	s := open(t)
	equal(t, store.Record{}, load(t, s, "a"))
	current, err := s.CompareAndSwap(within(t), "a", 5, sample("w"))
	if !errors.Is(err, store.ErrConflict) {
		t.Fatalf("a swap at version 5 of nothing: %v", err)
	}
	equal(t, store.Record{}, current)
	equal(t, store.Record{}, load(t, s, "a"))
}

func replacedAtItsVersion(t *testing.T, open Opener) {
	s := open(t)
	put(t, s, "a", 0, sample("first"))
	second := put(t, s, "a", 1, store.Record{Active: fsm.Green, Writer: "second"})
	for _, old := range []uint64{0, 1, 3, 1 << 40} {
		current, err := s.CompareAndSwap(within(t), "a", old, sample("late"))
		if !errors.Is(err, store.ErrConflict) {
			t.Fatalf("a swap at version %d of 2: %v", old, err)
		}
		equal(t, second, current)
		equal(t, second, load(t, s, "a"))
	}
	put(t, s, "a", 2, sample("third"))
}

func callersVersionIgnored(t *testing.T, open Opener) {
	s := open(t)
	next := sample("w")
	next.Version = 77
	put(t, s, "a", 0, next)
	put(t, s, "a", 1, next)
}

func fieldsSurvive(t *testing.T, open Opener) {
	full := sample("w")
	full.Version = 1
	for i, v := 0, reflect.ValueOf(full); i < v.NumField(); i++ {
		if v.Field(i).IsZero() {
			t.Fatalf("sample has nothing in %s", v.Type().Field(i).Name)
		}
	}
	records := []store.Record{
		sample("w"), {}, {Writer: strings.Repeat("w", 64)}, {Writer: "\"quoted\"\\\n<ü, 世界>"},
		{At: time.Unix(0, 1)}, {At: time.Date(1969, 7, 20, 20, 17, 40, 999_999_999, time.UTC)},
	}
	for _, active := range []fsm.Side{fsm.None, fsm.Blue, fsm.Green} {
		for _, announced := range []fsm.Side{fsm.None, fsm.Blue, fsm.Green} {
			records = append(records, store.Record{Active: active, Announced: announced})
		}
	}
	writer, reader := open(t), open(t)
	for i, f := range records {
		written := put(t, writer, "a", uint64(i), f)
		for _, s := range []store.Store{writer, reader} {
			read := load(t, s, "a")
			equal(t, written, read)
			if f.At.IsZero() != read.At.IsZero() {
				t.Fatalf("no time is no longer none: %s", read.At)
			}
		}
	}
}

func clustersIndependent(t *testing.T, open Opener) {
	s := open(t)
	long := strings.Repeat("very-long-name/", 500)
	names := []string{
		"a", "A", "b", "a/b", "a/", "/a", "a//b", "a%2Fb", " a", "a ", "..", "../a", "../../a", "a\x00b", "a\nb", "*", "CON", "ä",
		"engine.example.com:443/prod", "engine.example.com:443/prod2", "[::1]:443/x", `a\b`, long, long + "x",
	}
	for i, name := range names {
		equal(t, store.Record{}, load(t, s, name))
		put(t, s, name, 0, store.Record{Writer: fmt.Sprint(i)})
	}
	other := open(t)
	for i, name := range names {
		equal(t, store.Record{Version: 1, Writer: fmt.Sprint(i)}, load(t, other, name))
	}
}

func handlesSeeEachOther(t *testing.T, open Opener) {
	a, b := open(t), open(t)
	for i := range uint64(20) {
		from, to := a, b
		if i%2 == 1 {
			from, to = b, a
		}
		written := put(t, from, "a", i, sample(fmt.Sprint("writer ", i)))
		equal(t, written, load(t, to, "a"))
		_, err := to.CompareAndSwap(within(t), "a", i, sample("late"))
		if !errors.Is(err, store.ErrConflict) {
			t.Fatalf("a swap at a version that another handle has replaced: %v", err)
		}
	}
}

func oneWriterWins(t *testing.T, open Opener) {
	const handles, writers, wins = 3, 6, 20
	var stores [handles]store.Store
	for i := range stores {
		stores[i] = open(t)
	}
	ctx := within(t)
	var mu sync.Mutex
	winner := make(map[uint64]string)
	var wg sync.WaitGroup
	for w := range writers {
		s, name := stores[w%handles], fmt.Sprint("writer ", w)
		wg.Go(func() {
			current, err := s.Load(ctx, "a")
			for won := 0; won < wins; {
				if err != nil && !errors.Is(err, store.ErrConflict) {
					t.Errorf("%s: %v", name, err)
					return
				}
				old := current.Version
				current, err = s.CompareAndSwap(ctx, "a", old, store.Record{Writer: name})
				if err != nil {
					if errors.Is(err, store.ErrConflict) && current.Version <= old {
						t.Errorf("a swap at version %d conflicts with version %d", old, current.Version)
						return
					}
					continue
				}
				won++
				mu.Lock()
				if other, taken := winner[current.Version]; taken {
					t.Errorf("%s and %s have both written version %d", other, name, current.Version)
				}
				winner[current.Version] = name
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	last := load(t, stores[0], "a")
	if last.Version != writers*wins || last.Writer != winner[last.Version] {
		t.Fatalf("after %d swaps by %d writers the record is %+v", writers*wins, writers, last)
	}
	for v := range uint64(writers * wins) {
		if winner[v+1] == "" {
			t.Fatalf("no writer has written version %d", v+1)
		}
	}
}

func endedContext(t *testing.T, open Opener) {
	s := open(t)
	written := put(t, s, "a", 0, sample("w"))
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	expired, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	for _, ctx := range []context.Context{canceled, expired} {
		if _, err := s.Load(ctx, "a"); !errors.Is(err, ctx.Err()) {
			t.Fatalf("Load: %v, with a context that ended with %v", err, ctx.Err())
		}
		if _, err := s.CompareAndSwap(ctx, "a", 1, sample("late")); !errors.Is(err, ctx.Err()) {
			t.Fatalf("CompareAndSwap: %v, with a context that ended with %v", err, ctx.Err())
		}
		if err := s.Watch(ctx, "a", func(store.Record) {}); !errors.Is(err, ctx.Err()) {
			t.Fatalf("Watch: %v, with a context that ended with %v", err, ctx.Err())
		}
		equal(t, written, load(t, s, "a"))
	}
}
