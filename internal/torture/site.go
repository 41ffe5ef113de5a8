package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/goleak"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/recorder"
	"github.com/e6data/e6data-go/e6/sqldriver"
)

// A site is a cluster behind an ingress and a network, and its clients.
type site struct {
	engine  *engine
	cluster *e6test.Cluster
	ingress ingress
	network *network
	dialer  []e6.Option // of a site in memory
	address string      // that clients connect to
	record  *record
	queries atomic.Int64
	side    fsm.Side // that new queries should go to
	users   []user
	serial  sync.Mutex   // one special fault at a time
	leaks   func() error // finds goroutines that are left
	more    func() error
}

// A user of a cluster is a client in this process, or a process of its own.
type user interface {
	// name identifies it.
	name() string
	// on reports whether new queries go to that side.
	on(side fsm.Side) bool
	// damped reports whether it follows an announcement later, as the sides have changed
	// often: see docs/rules.md, section 2.
	damped() bool
	// idleOn reports whether none of its queries is on that side.
	idleOn(side fsm.Side) bool
	// ended is the number of queries that have ended.
	ended() int64
	// excuses reports whether it has a reason for a query that is left on the server.
	excuses(q e6test.QueryInfo) bool
	// stop ends its load and looks whether it left something behind.
	stop() error
	// story is what happened to it lately.
	history() []string
}

// newSite starts a cluster, with an ingress in front of its engines if there is one to make.
func newSite(r *record, front func(*e6test.Cluster) (ingress, error)) (*site, error) {
	s := &site{engine: newEngine(), record: r, side: fsm.Blue, leaks: func() error { return goleak.Find() }}
	opts := s.options()
	if front != nil {
		opts = append(opts, e6test.WithEngineListeners("127.0.0.1:0", "127.0.0.1:0"))
	}
	var err error
	if s.cluster, err = e6test.Start(opts...); err != nil {
		return nil, err
	}
	s.ingress = direct{s.cluster}
	if front != nil {
		if s.ingress, err = front(s.cluster); err != nil {
			return nil, errors.Join(err, s.cluster.Close())
		}
	}
	if s.network, err = newNetwork(s.ingress.addr()); err != nil {
		s.ingress.close()
		return nil, errors.Join(err, s.cluster.Close())
	}
	s.address = s.network.addr()
	return s, nil
}

// options are the options of the cluster of a site.
func (s *site) options() []e6test.Option {
	return []e6test.Option{e6test.WithEngine(s.engine), e6test.WithBatchRows(40), e6test.WithChunks(2), e6test.WithResumeDelay(20 * time.Millisecond)}
}

// newMemorySite starts a cluster in memory, for a bubble.
func newMemorySite(r *record) (*site, error) {
	s := &site{engine: newEngine(), record: r, side: fsm.Blue, leaks: func() error { return nil }}
	var err error
	if s.cluster, err = e6test.Start(append(s.options(), e6test.InMemory())...); err != nil {
		return nil, err
	}
	s.ingress = direct{s.cluster}
	s.network = newMemoryNetwork(func() (net.Conn, error) { return s.cluster.Dialer()(context.Background(), "") })
	s.address, s.dialer = s.cluster.Addr(), []e6.Option{e6.WithDialer(s.network.dial)}
	return s, nil
}

// config is how clients of a world reach it. Their pauses are short, as the script
// does not wait for long.
func config(address string) e6.Config {
	return e6.Config{
		Address: address, User: "user@example.com", Token: "token", MaxAttempts: 20,
		RetryPause: 10 * time.Millisecond, ResumePoll: 10 * time.Millisecond, ProbeTimeout: time.Second,
		CloseTimeout: 2 * time.Second, EventHistory: 4096,
	}
}

// client is a user in this process.
type client struct {
	title string
	*e6.Client
	db    *sql.DB
	other *sqldriver.Connector
	load  *load
	end   context.CancelFunc
	done  chan struct{}
	more  func() error // to close what the client used

	recorders []*recorder.Recorder // of Client, and of the one in db

	record    *record
	mu        sync.Mutex
	abandoned map[string]bool // queries that it could not clear on the server
	until     time.Time       // an announcement is followed then
}

// join opens a client with its load.
func (s *site) join(title string, seed uint64, workers int, more func() error, opts ...e6.Option) error {
	recorders, err := s.record.recorders(title)
	if err != nil {
		return err
	}
	opts = append(opts, s.dialer...)
	opened, err := e6.Open(context.Background(), config(s.address), append(opts, e6.WithRecorder(recorders[0]))...)
	if err != nil {
		return fmt.Errorf("%s: %w", title, err)
	}
	connector, err := sqldriver.NewConnector(config(s.address), sqldriver.WithClientOptions(append(s.dialer, e6.WithRecorder(recorders[1]))...))
	if err != nil {
		return errors.Join(err, opened.Close())
	}
	c := &client{title: title, Client: opened, db: sql.OpenDB(connector), other: connector, done: make(chan struct{}), record: s.record, more: more, recorders: recorders, abandoned: make(map[string]bool)}
	through, err := connector.Client(context.Background())
	if err != nil {
		return errors.Join(err, opened.Close(), c.db.Close())
	}
	for _, each := range []*e6.Client{opened, through} {
		c.watch(each)
	}
	c.load = &load{client: opened, db: c.db, queries: &s.queries, written: s.engine.written, record: s.record}
	ctx, end := context.WithCancel(context.Background())
	c.end = end
	go func() {
		defer close(c.done)
		c.load.run(ctx, seed, workers)
	}()
	s.users = append(s.users, c)
	return nil
}

// watch records the queries that a client cannot clear on the server.
func (c *client) watch(each *e6.Client) {
	each.Subscribe(func(e events.Event) {
		c.mu.Lock()
		defer c.mu.Unlock()
		switch d := e.Data.(type) {
		case events.QueryAbandoned:
			c.abandoned[d.QueryID] = true
		case events.AnnouncementReceived:
			if d.Delay > 0 && e.Time.Add(d.Delay).After(c.until) {
				c.until = e.Time.Add(d.Delay)
			}
		}
	}, events.Kinds(events.KindQueryAbandoned, events.KindAnnouncementReceived), events.Queue(1<<16))
}

func (c *client) damped() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Before(c.until)
}

// left lists these queries.
func (c *client) left() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Keys(c.abandoned))
}

func (c *client) excuses(q e6test.QueryInfo) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.abandoned[q.ID]
}

func (c *client) ended() int64 { return c.load.ended.Load() }

func (c *client) name() string { return c.title }

// each calls fn with the client and with that of its sql.DB.
func (c *client) each(fn func(*e6.Client) bool) bool {
	if c.db == nil {
		return fn(c.Client)
	}
	through, err := c.other.Client(context.Background())
	return fn(c.Client) && (err != nil || fn(through))
}

func (c *client) on(side fsm.Side) bool {
	return c.each(func(c *e6.Client) bool {
		return c.Strategy().Active == side
	})
}

func (c *client) idleOn(side fsm.Side) bool {
	return c.each(func(c *e6.Client) bool { return c.Stats().InFlight[side] == 0 })
}

func (c *client) stop() error {
	c.end()
	<-c.done
	var errs []error
	c.each(func(e *e6.Client) bool {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if _, err := e.QueryAll(ctx, fmt.Sprintf(readSQL, 0, 1)); err != nil {
			errs = append(errs, fmt.Errorf("%s does not work when all is over: %w", c.title, err))
		}
		for ctx.Err() == nil && e.Stats().InFlight[fsm.Blue]+e.Stats().InFlight[fsm.Green] > 0 {
			pause(ctx, time.Millisecond)
		}
		stats := e.Stats()
		if n := stats.InFlight; n[fsm.Blue]+n[fsm.Green] != 0 {
			errs = append(errs, fmt.Errorf("%s holds pins: %v", c.title, n))
		}
		c.record.mu.Lock()
		c.record.retried += stats.Retried
		c.record.replayed += stats.Replayed
		c.record.continued += stats.Continued
		c.record.mu.Unlock()
		return true
	})
	errs = append(errs, c.Close())
	if c.db != nil {
		errs = append(errs, c.db.Close())
	}
	for _, r := range c.recorders {
		steps, err := equalReplay(c.title, r)
		c.record.replayedSteps(steps)
		errs = append(errs, err)
	}
	if c.more != nil {
		errs = append(errs, c.more())
	}
	return errors.Join(errs...)
}

func (c *client) history() (all []string) {
	whose := ""
	c.each(func(e *e6.Client) bool {
		history := e.History()
		for _, e := range history[max(0, len(history)-50):] {
			all = append(all, e.Time.Format("15:04:05.000 ")+whose+e.String())
		}
		whose = "sql.DB: "
		return true
	})
	return all
}

// close ends a site, and notes what it has left behind.
func (s *site) close() {
	s.network.heal()
	s.cluster.Resume()
	for _, u := range s.users {
		if err := u.stop(); err != nil {
			s.record.violation("%v", err)
		}
	}
	for _, q := range s.cluster.OpenQueries() {
		switch excused := slices.ContainsFunc(s.users, func(u user) bool { return u.excuses(q) }); {
		case excused: // it could not be cleared, and that was reported
		case q.State == "prepared": // the answer with its name was lost on the way
			s.record.orphans++
		default:
			s.record.violation("the server still holds a query that is %s: %s", q.State, q.SQL)
		}
	}
	for _, v := range s.cluster.Stats().Violations {
		s.record.violation("the server reports a call that no client may make: %s", v)
	}
	s.network.close()
	s.ingress.close()
	if err := s.cluster.Close(); err != nil {
		s.record.violation("the cluster does not close: %v", err)
	}
	for q, n := range s.engine.all() {
		if n > 1 {
			s.record.violation("the write of query %d was executed %d times", q, n)
		}
	}
	if s.more != nil {
		if err := s.more(); err != nil {
			s.record.violation("%v", err)
		}
	}
	if err := s.leaks(); err != nil {
		s.record.violation("goroutines are left: %v", err)
	}
}

// wait waits until it is true of all users, and records those of which it is not.
func (s *site) wait(what string, is func(user) bool) {
	deadline := time.Now().Add(20 * time.Second)
	for _, u := range s.users {
		for !is(u) {
			if time.Now().After(deadline) {
				s.record.violation("%s %s", u.name(), what)
				return
			}
			<-time.After(200 * time.Microsecond)
		}
	}
}
