package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/store"
)

// childVariable holds the assignment of a process that is a client for another one.
const childVariable = "E6_TORTURE_CLIENT"

// An assignment is what a process has to do.
type assignment struct {
	Address string `json:"address"`
	Dir     string `json:"dir"`   // of the store
	First   int64  `json:"first"` // the number before that of its first query
	Seed    uint64 `json:"seed"`
}

// A report is the response of a process to every line. The line "stop"
// ends it.
type report struct {
	Active    fsm.Side           `json:"active"`
	InFlight  map[fsm.Side]int64 `json:"in_flight"`
	Queries   int64              `json:"queries"`
	Ended     map[verdict]int    `json:"ended"`
	Wrong     []string           `json:"wrong"`
	Rows      int64              `json:"rows"`
	Retried   int64              `json:"retried"`
	Replayed  int64              `json:"replayed"`
	Continued int64              `json:"continued"`
	History   []string           `json:"history"`
	Damped    bool               `json:"damped"`
	// Abandoned are the queries that it could not clear on the server.
	Abandoned []string `json:"abandoned"`
}

// beChild is the program of such a process.
func beChild(text string, in io.Reader, out io.Writer) error {
	var o assignment
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	files, err := store.OpenFile(store.FileOptions{Dir: o.Dir})
	if err != nil {
		return err
	}
	// Open fails at once while nothing listens or TLS breaks, and this process starts
	// while its network is bad.
	opened, err := e6.Open(context.Background(), config(o.Address), e6.WithStore(files))
	for began := time.Now(); err != nil && time.Since(began) < time.Minute; {
		<-time.After(20 * time.Millisecond)
		opened, err = e6.Open(context.Background(), config(o.Address), e6.WithStore(files))
	}
	if err != nil {
		return err
	}
	// It does not know what happens to its cluster, so all of it may at any time.
	r := newRecord()
	for _, k := range append([]kind{abrupt}, network4...) {
		r.begin(k)
	}
	var queries atomic.Int64
	queries.Store(o.First)
	l := &load{client: opened, queries: &queries, record: r}
	ctx, end := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.run(ctx, o.Seed, 4)
	}()
	c := &client{title: "it", Client: opened, load: l, end: end, done: ended, record: r, more: files.Close, abandoned: make(map[string]bool)}
	c.watch(opened)
	lines := bufio.NewScanner(in)
	answers := json.NewEncoder(out)
	for lines.Scan() {
		stop := lines.Text() == "stop"
		if stop {
			if err := c.stop(); err != nil {
				r.violation("%v", err)
			}
		}
		r.mu.Lock()
		err := answers.Encode(report{
			Active: opened.Strategy().Active, InFlight: opened.Stats().InFlight, Queries: l.ended.Load(),
			Ended: r.ended, Wrong: r.wrong, Rows: r.rows, Retried: r.retried, Replayed: r.replayed, Continued: r.continued, History: c.history(), Damped: c.damped(), Abandoned: c.left(),
		})
		r.mu.Unlock()
		if err != nil || stop {
			return err
		}
	}
	return lines.Err() // its parent has gone
}

// process is a user in a process of its own.
type process struct {
	title      string
	assignment assignment
	site       *site

	mu    sync.Mutex // of all below: one conversation at a time
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Reader
	last  report
	past  []report // of those that were killed
	lives int64
}

// lifetime is how many queries a process may number before it is another one's turn.
const lifetime = 1 << 32

func (p *process) start() error {
	p.lives++
	o := p.assignment
	o.First += p.lives * lifetime
	o.Seed += uint64(p.lives)
	text, err := json.Marshal(o)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	p.cmd = exec.Command(self)
	p.cmd.Env = append(os.Environ(), childVariable+"="+string(text))
	p.cmd.Stderr = os.Stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	p.out, p.last = bufio.NewReader(out), report{}
	return p.cmd.Start()
}

// send sends a line and reads the response.
func (p *process) send(line string) error {
	if _, err := io.WriteString(p.in, line+"\n"); err != nil {
		return err
	}
	text, err := p.out.ReadBytes('\n')
	if err != nil {
		return err
	}
	return json.Unmarshal(text, &p.last)
}

// state returns the report of the process. A process that does not answer is a violation.
func (p *process) state() (report, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.send("state"); err != nil {
		p.site.record.violation("%s does not answer: %v", p.title, err)
		return report{}, false
	}
	return p.last, true
}

func (p *process) name() string { return p.title }

func (p *process) on(side fsm.Side) bool {
	r, ok := p.state()
	return !ok || r.Active == side
}

func (p *process) idleOn(side fsm.Side) bool {
	r, ok := p.state()
	return !ok || r.InFlight[side] == 0
}

func (p *process) damped() bool {
	r, ok := p.state()
	return ok && r.Damped
}

func (p *process) ended() int64 {
	r, _ := p.state()
	return r.Queries
}

func (p *process) history() []string {
	r, _ := p.state()
	return r.History
}

// replace kills the process, wherever it is, and starts another one.
func (p *process) replace() {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.send("state")
	p.past = append(p.past, p.last)
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	if err := p.start(); err != nil {
		p.site.record.violation("%s does not start again: %v", p.title, err)
	}
}

func (p *process) stop() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	err := p.send("stop")
	p.past = append(p.past, p.last)
	r := p.site.record
	r.mu.Lock()
	for _, one := range p.past {
		for v, n := range one.Ended {
			r.ended[v] += n
		}
		for _, text := range one.Wrong {
			r.wrong = append(r.wrong, p.title+": "+text)
		}
		r.rows, r.retried, r.replayed, r.continued = r.rows+one.Rows, r.retried+one.Retried, r.replayed+one.Replayed, r.continued+one.Continued
	}
	r.mu.Unlock()
	return errors.Join(err, p.in.Close(), p.cmd.Wait())
}

// excuses reports whether a query that is left on the server is of a process that was
// killed, or one that it could not clear.
func (p *process) excuses(q e6test.QueryInfo) bool {
	var number int64
	if i := strings.IndexAny(q.SQL, "0123456789"); i >= 0 {
		_, _ = fmt.Sscan(strings.TrimRight(q.SQL[i:], ")"), &number)
	}
	life := (number - p.assignment.First) / lifetime
	killed := number > p.assignment.First && life >= 1 && life < p.lives
	return killed || slices.Contains(p.last.Abandoned, q.ID)
}

// beginFiles begins the world of processes that share a store in a file.
func beginFiles(r *record, seed uint64) (*site, map[kind]func(fault), error) {
	dir, err := os.MkdirTemp("", "e6-torture-files")
	if err != nil {
		return nil, nil, err
	}
	s, err := newSite(r, nil)
	if err != nil {
		return nil, nil, err
	}
	s.more = func() error { return os.RemoveAll(dir) }
	var all []*process
	for i := range int64(3) {
		p := &process{title: fmt.Sprint("process ", i), site: s, assignment: assignment{
			Address: s.network.addr(), Dir: dir, First: i * lifetime << 16, Seed: seed + uint64(i)<<16,
		}}
		if err := p.start(); err != nil {
			return nil, nil, err
		}
		all = append(all, p)
		s.users = append(s.users, p)
	}
	return s, map[kind]func(fault){
		kill: func(f fault) { all[f.nth%len(all)].replace() },
		wrongRecord: func(f fault) {
			files, err := store.OpenFile(store.FileOptions{Dir: dir})
			if err != nil {
				r.violation("the store does not open: %v", err)
				return
			}
			writeWrongRecord(files, s.network.addr()+"/", f)
			_ = files.Close()
		},
	}, nil
}
