package storetest

import (
	"context"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/store"
)

// Opener opens one more handle on the state of one test, as another client or
// another process would. It may return the same store again if that is how its
// users share it. begin closes its resources with t.Cleanup.
type Opener func(t *testing.T) store.Store

// A check tests one statement of the documentation.
type check struct {
	name string
	test func(t *testing.T, open Opener)
}

// Run tests the contract of store.Store, one subtest for each
// statement of its documentation, and that of store.Presence if the store is one. begin is called once in
// each of them, for a state in which nothing is known yet. A test that waits gives up
// after half a minute.
func Run(t *testing.T, begin func(t *testing.T) Opener) {
	checks := []check{
		{"NothingIsKnownOfAClusterThatNobodyWrote", nothingKnown},
		{"ARecordIsReplacedOnlyAtItsVersion", replacedAtItsVersion},
		{"TheCallersVersionInARecordIsIgnored", callersVersionIgnored},
		{"EveryFieldOfARecordSurvives", fieldsSurvive},
		{"ClustersAreIndependent", clustersIndependent},
		{"AHandleSeesWhatAnotherWrote", handlesSeeEachOther},
		{"OfManyWritersExactlyOneWinsEachVersion", oneWriterWins},
		{"AnEndedContextIsAnErrorAndChangesNothing", endedContext},
		{"AWatcherSeesThePresentRecordFirst", presentFirst},
		{"AWatcherOfAnUnknownClusterWaitsForItsFirstRecord", firstRecordAwaited},
		{"AWatcherSeesOnlyItsOwnCluster", watchersIndependent},
		{"AWatcherNeverMissesTheLastOfManyFacts", lastNeverLost},
		{"ASlowWatcherSeesTheLastRecordWhenItIsFreeAgain", slowWatcher},
		{"AWatcherMayCallTheStore", watcherCallsStore},
		{"AWatchEndsWithItsContextAndCallsNobodyAfterwards", watchEnds},
		{"EverythingMayBeCalledAtOnce", everythingAtOnce},
	}
	if _, ok := begin(t)(t).(store.Presence); ok {
		checks = append(checks, presence...)
	}
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) { c.test(t, begin(t)) })
	}
}

// patience bounds a test's waiting, so that a hang is a failure.
const patience = 30 * time.Second

// within is the context of one test.
func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// sample is a record with something in every field but the version.
func sample(writer string) store.Record {
	at := time.Date(2026, 2, 28, 23, 59, 58, 123456789, time.FixedZone("", 19800))
	return store.Record{
		Active: fsm.Blue, Announced: fsm.Green, Epoch: 1 << 60, Writer: writer, At: at,
		Vetoes: []store.Veto{
			{Side: fsm.Green, Writer: writer, Reason: "12 of 40 executions got no answer", At: at, Until: at.Add(time.Hour)},
			{Side: fsm.Blue, Writer: "another", Directive: true, Reason: "\"näher\"\n", At: at, Until: at.Add(time.Minute)},
		},
	}
}

// same compares records as their readers do: a time is an instant.
func same(a, b store.Record) bool {
	return reflect.DeepEqual(plain(a), plain(b))
}

func plain(f store.Record) store.Record {
	f.At = f.At.Round(0).UTC()
	f.Vetoes = slices.Clone(f.Vetoes)
	for i, v := range f.Vetoes {
		f.Vetoes[i].At, f.Vetoes[i].Until = v.At.Round(0).UTC(), v.Until.Round(0).UTC()
	}
	return f
}

func load(t *testing.T, s store.Store, cluster string) store.Record {
	t.Helper()
	record, err := s.Load(within(t), cluster)
	if err != nil {
		t.Fatalf("Load(%.40q): %v", cluster, err)
	}
	return record
}

// put replaces the record at version old, and checks that it becomes the next one.
func put(t *testing.T, s store.Store, cluster string, old uint64, next store.Record) store.Record {
	t.Helper()
	now, err := s.CompareAndSwap(within(t), cluster, old, next)
	if err != nil {
		t.Fatalf("CompareAndSwap(%.40q, %d): %v", cluster, old, err)
	}
	next.Version = old + 1
	equal(t, next, now)
	return now
}

func equal(t *testing.T, want, got store.Record) {
	t.Helper()
	if !same(want, got) {
		t.Fatalf("the record is\n%+v\nand should be\n%+v", got, want)
	}
}
