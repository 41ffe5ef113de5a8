package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
)

// load is queries that run on many goroutines until it ends.
type load struct {
	mu     sync.Mutex
	took   []time.Duration // since the last look
	failed error

	stop    chan struct{}
	running sync.WaitGroup
}

// newLoad starts that many goroutines that run short queries.
func newLoad(client *e6.Client, goroutines int) *load {
	l := &load{stop: make(chan struct{})}
	for range goroutines {
		l.running.Go(func() {
			for {
				select {
				case <-l.stop:
					return
				default:
				}
				began := time.Now()
				_, err := client.QueryAll(context.Background(), short)
				took := time.Since(began)
				l.mu.Lock()
				l.took = append(l.took, took)
				l.failed = errors.Join(l.failed, err)
				l.mu.Unlock()
			}
		})
	}
	return l
}

func (l *load) end() {
	close(l.stop)
	l.running.Wait()
}

// p99 is that of the queries that end from the last look on, for so long and at least until
// one has ended: on a busy machine that may take longer.
func (l *load) p99(least time.Duration) (time.Duration, error) {
	time.Sleep(least)
	for {
		if took, failed := l.look(); failed != nil {
			return 0, fmt.Errorf("no query may fail: %w", failed)
		} else if len(took) > 0 {
			slices.Sort(took)
			return took[len(took)*99/100], nil
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// look takes what has ended since the last look.
func (l *load) look() (took []time.Duration, failed error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	took, l.took = l.took, nil
	return took, l.failed
}

// settled waits until the client is on this side and has left the other one.
func settled(c *e6.Client, side fsm.Side) {
	reached := func() bool {
		s := c.Strategy()
		return s.Active == side && s.Phase == fsm.PhaseNone
	}
	done := make(chan struct{})
	once := sync.OnceFunc(func() { close(done) })
	defer c.Subscribe(func(events.Event) {
		if reached() {
			once()
		}
	})()
	if !reached() {
		<-done
	}
}

// underLoad compares the second of a cutover with the one before it.
func underLoad(name string, goal float64, kind e6test.CutoverKind) comparison {
	return comparison{
		name: "p99 of short queries on 64 goroutines in the second of " + name + "; none fails, each side is logged in to once", against: "the second before it",
		goal: goal, unit: ofTime,
		begin: func(size size) (trial, func(), error) {
			s, err := newScene(e6test.Link{})
			if err != nil {
				return nil, nil, err
			}
			l := newLoad(s.client, size.of(64))
			return func() (float64, error) {
				if _, err := l.p99(size.lasting(200 * time.Millisecond)); err != nil { // what the last round left is over
					return 0, err
				}
				before, err := l.p99(size.lasting(time.Second))
				if err != nil {
					return 0, err
				}
				logins := s.cluster.Stats().Calls["authenticate"]
				to := s.client.Strategy().Active.Other()
				var cut sync.WaitGroup
				cut.Go(func() {
					must(s.cluster.Cutover(context.Background(), e6test.Cutover{To: to, Kind: kind, Grace: size.lasting(500 * time.Millisecond)}))
				})
				during, err := l.p99(size.lasting(time.Second))
				cut.Wait()
				settled(s.client, to)
				if err != nil {
					return 0, err
				}
				if n := s.cluster.Stats().Calls["authenticate"] - logins; n != 1 {
					return 0, fmt.Errorf("a cutover to %s took %d logins", to, n)
				}
				return float64(during) / float64(before), nil
			}, func() { l.end(); s.end() }, nil
		},
	}
}

var (
	graceful = underLoad("a graceful cutover", 1.25, e6test.Graceful)
	abrupt   = underLoad("an abrupt cutover", 2, e6test.Abrupt)
)

// switchTimes sends when an announcement was received, and when the new side accepted.
func switchTimes(received, accepted chan<- time.Time) func(events.Event) {
	return func(e events.Event) {
		switch d := e.Data.(type) {
		case events.AnnouncementReceived:
			select {
			case received <- e.Time:
			default:
			}
		case events.Transition:
			if d.Event == fsm.EventAccept {
				accepted <- e.Time
			}
		}
	}
}
