package storetest

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/store"
)

// presence are the checks of a store.Presence.
var presence = []check{
	{"AClientIsListedUntilItLeaves", listedUntilItLeaves},
	{"WhatAClientDoesNotSayOfItselfIsFilledIn", clientsDefaults},
	{"OthersSeeWhatAClientShows", othersSeeWhatIsShown},
	{"ThoseThatCameFirstAreTheFirst", firstAreFirst},
	{"ClientsAreThereForTheirClusterAlone", clientsIndependent},
	{"AListBelongsToWhomItIsTold", listsBelong},
	{"AWatchOfClientsEndsWithItsContext", watchOfClientsEnds},
	{"EachFieldOfAStatusIsPublished", eachField},
	{"RecordsAndClientsAreIndependent", recordsAndClients},
	{"ClientsMayComeAndGoAtOnce", comeAndGo},
}

// A roster holds the lists of WatchClients.
type roster struct {
	t     *testing.T
	lists chan []store.Client
}

func watchClients(t *testing.T, s store.Store, cluster string) *roster {
	t.Helper()
	r := &roster{t, make(chan []store.Client, 4096)}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- s.(store.Presence).WatchClients(ctx, cluster, func(all []store.Client) { r.lists <- all })
	}()
	t.Cleanup(func() {
		stop()
		select {
		case err := <-ended:
			if !errors.Is(err, context.Canceled) {
				t.Errorf("WatchClients ended with %v", err)
			}
		case <-time.After(patience):
			t.Errorf("WatchClients does not end with its context")
		}
	})
	return r
}

// until waits for a list that is right.
func (r *roster) until(what string, right func([]store.Client) bool) []store.Client {
	r.t.Helper()
	var last []store.Client
	for late := time.After(patience); ; {
		select {
		case last = <-r.lists:
			if right(last) {
				return last
			}
		case <-late:
			r.t.Fatalf("the watch does not report %s; the last list is %+v", what, last)
		}
	}
}

// ids reports whether a list is of these clients, in this order.
func ids(want ...string) func([]store.Client) bool {
	return func(all []store.Client) bool {
		var got []string
		for _, c := range all {
			got = append(got, c.ID)
		}
		return slices.Equal(got, want)
	}
}

func join(t *testing.T, s store.Store, cluster string, self store.Client) store.Member {
	t.Helper()
	m, err := s.(store.Presence).Join(cluster, self)
	if err != nil {
		t.Fatalf("Join(%q): %v", cluster, err)
	}
	t.Cleanup(func() { _ = m.Leave(within(t)) })
	return m
}

func leave(t *testing.T, m store.Member) {
	t.Helper()
	if err := m.Leave(within(t)); err != nil {
		t.Fatalf("Leave: %v", err)
	}
}

func clients(t *testing.T, s store.Store, cluster string) []store.Client {
	t.Helper()
	all, err := s.(store.Presence).Clients(within(t), cluster)
	if err != nil {
		t.Fatalf("Clients(%q): %v", cluster, err)
	}
	return all
}

func listedUntilItLeaves(t *testing.T, open Opener) {
	a, b := open(t), open(t)
	r := watchClients(t, b, "c")
	r.until("no client", ids())
	one := join(t, a, "c", store.Client{ID: "one", Since: time.Unix(1, 0)})
	r.until("the one that came", ids("one"))
	if one.ID() != "one" {
		t.Errorf("its ID is %q", one.ID())
	}
	join(t, b, "c", store.Client{ID: "two", Since: time.Unix(2, 0)})
	r.until("both", ids("one", "two"))
	leave(t, one)
	r.until("the one that stays", ids("two"))
	if all := clients(t, a, "c"); !ids("two")(all) {
		t.Errorf("Clients has %+v", all)
	}
	leave(t, one)
	one.Show(store.Status{Side: fsm.Green, State: fsm.StateGreen})
	if all := clients(t, a, "c"); !ids("two")(all) {
		t.Errorf("one that has left comes back: %+v", all)
	}
}

func clientsDefaults(t *testing.T, open Opener) {
	s := open(t)
	r := watchClients(t, s, "c")
	m := join(t, s, "c", store.Client{})
	got := r.until("it", ids(m.ID()))[0]
	if host, err := os.Hostname(); err == nil && got.Host != host || got.ID == "" || got.Program == "" || got.Version == "" {
		t.Errorf("it is %+v", got)
	}
	if age := time.Since(got.Since); age < -time.Hour || age > time.Hour {
		t.Errorf("it is there since %s", got.Since)
	}
	if got.Side != fsm.None || got.State != fsm.StateUnknown {
		t.Errorf("it has shown nothing: %+v", got)
	}
}

func othersSeeWhatIsShown(t *testing.T, open Opener) {
	a, b := open(t), open(t)
	given := store.Client{ID: "x/y z", Host: "h", Program: "p", Version: "v1.2.3", Since: time.Unix(1, 5000).UTC()}
	r := watchClients(t, b, "c")
	m := join(t, a, "c", given)
	for _, state := range []fsm.State{fsm.StateDetecting, fsm.StateBlue, fsm.StateTransitioning, fsm.StateGreen, fsm.StateUnknown} {
		side := fsm.None
		if state == fsm.StateBlue || state == fsm.StateTransitioning {
			side = fsm.Blue
		}
		shown := store.Status{Side: side, State: state, InFlight: int64(state), Seen: 1<<60 + uint64(state)}
		m.Show(shown)
		got := r.until(state.String(), func(all []store.Client) bool {
			return len(all) == 1 && all[0].Status() == shown
		})[0]
		want := given.WithStatus(shown)
		got.Since = got.Since.UTC()
		if got != want {
			t.Errorf("it is %+v and should be %+v", got, want)
		}
	}
}

// eachField changes the fields of a status one by one: a store must not take one that
// differs in a single field for the same.
func eachField(t *testing.T, open Opener) {
	a, b := open(t), open(t)
	r := watchClients(t, b, "c")
	m := join(t, a, "c", store.Client{ID: "one"})
	var now store.Status
	for _, change := range []func(){
		func() { now.Side = fsm.Green },
		func() { now.State = fsm.StateGreen },
		func() { now.InFlight = 7 },
		func() { now.Seen = 3 },
		func() { now.InFlight = 0 },
		func() { now.Seen = 4 },
	} {
		change()
		m.Show(now)
		r.until("the change", func(all []store.Client) bool { return len(all) == 1 && all[0].Status() == now })
	}
}

func firstAreFirst(t *testing.T, open Opener) {
	s := open(t)
	r := watchClients(t, s, "c")
	join(t, s, "c", store.Client{ID: "second", Since: time.Unix(20, 0)})
	join(t, s, "c", store.Client{ID: "third", Since: time.Unix(30, 0)})
	join(t, s, "c", store.Client{ID: "first", Since: time.Unix(10, 0)})
	join(t, s, "c", store.Client{ID: "after the third", Since: time.Unix(30, 0)})
	r.until("all in order", ids("first", "second", "after the third", "third"))
}

func clientsIndependent(t *testing.T, open Opener) {
	s := open(t)
	a, b := watchClients(t, s, "a"), watchClients(t, s, "ab")
	join(t, s, "ab", store.Client{ID: "of ab"})
	join(t, s, "a", store.Client{ID: "of a"})
	a.until("its own", ids("of a"))
	b.until("its own", ids("of ab"))
	if all := clients(t, s, "empty"); len(all) != 0 {
		t.Errorf("a cluster that no client joined has %+v", all)
	}
}

func listsBelong(t *testing.T, open Opener) {
	s := open(t)
	a, b := watchClients(t, s, "c"), watchClients(t, s, "c")
	join(t, s, "c", store.Client{ID: "one"})
	a.until("it", ids("one"))[0].ID = "spoilt"
	clients := clients(t, s, "c")
	clients[0].ID = "spoilt"
	b.until("it", ids("one"))
	join(t, s, "c", store.Client{ID: "two", Since: time.Now().Add(time.Hour)})
	a.until("both", ids("one", "two"))
}

func watchOfClientsEnds(t *testing.T, open Opener) {
	s := open(t)
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if err := s.(store.Presence).WatchClients(ctx, "c", func([]store.Client) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("WatchClients: %v", err)
	}
	if _, err := s.(store.Presence).Clients(ctx, "c"); !errors.Is(err, context.Canceled) {
		t.Errorf("Clients: %v", err)
	}
}

func recordsAndClients(t *testing.T, open Opener) {
	s := open(t)
	r, w := watchClients(t, s, "c"), watch(t, s, "c", nil)
	m := join(t, s, "c", store.Client{ID: "one"})
	r.until("it", ids("one"))
	put(t, s, "c", 0, sample("a"))
	w.until(1)
	m.Show(store.Status{Side: fsm.Blue, State: fsm.StateBlue})
	r.until("its side", func(all []store.Client) bool { return len(all) == 1 && all[0].Side == fsm.Blue })
	if f := load(t, s, "c"); f.Version != 1 {
		t.Errorf("a client changed the record: %+v", f)
	}
}

func comeAndGo(t *testing.T, open Opener) {
	a, b := open(t), open(t)
	r := watchClients(t, a, "c")
	var running sync.WaitGroup
	for _, s := range []store.Store{a, b, a, b} {
		running.Go(func() {
			for range 5 {
				m, err := s.(store.Presence).Join("c", store.Client{})
				if err != nil {
					t.Errorf("Join: %v", err)
					return
				}
				m.Show(store.Status{Side: fsm.Blue, State: fsm.StateBlue})
				_, _ = s.(store.Presence).Clients(within(t), "c")
				m.Show(store.Status{Side: fsm.Green, State: fsm.StateGreen})
				if err := m.Leave(within(t)); err != nil {
					t.Errorf("Leave: %v", err)
				}
			}
		})
	}
	running.Wait()
	join(t, b, "c", store.Client{ID: "the last"})
	r.until("the last", ids("the last"))
}
