package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/net/http2"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/vector"
	"github.com/e6data/e6data-go/internal/stress"
)

func TestMain(m *testing.M) {
	if text := os.Getenv(childVariable); text != "" {
		if err := beChild(text, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func TestASeedDrawsTheSameScriptsAndALongerOneBeginsLikeAShorterOne(t *testing.T) {
	for _, w := range worlds {
		long := listing(w.script(7, 200))
		require.Equal(t, long, listing(w.script(7, 200)))
		require.True(t, strings.HasPrefix(long, listing(w.script(7, 50))), "a replay may stop where it broke")
		require.NotEqual(t, long, listing(w.script(8, 200)))
		for _, k := range append(allCutovers, w.faults...) {
			require.Contains(t, long, string(k), "in 200 steps of %s", w.name)
		}
	}
	require.NotEqual(t, listing(worlds[1].script(7, 50)), listing(worlds[2].script(7, 50)), "each world has its own")
}

func TestOracle_FindsEveryWrongOutcome(t *testing.T) {
	r := func() *reading { return &reading{query: 7, want: 3, changes: true} }
	rows := func(r *reading, marks ...[3]int64) error {
		for _, m := range marks {
			if err := r.row(m[0], m[1], m[2], markedText(m[1], m[2])); err != nil {
				return err
			}
		}
		return nil
	}
	require.NoError(t, rows(r(), [3]int64{1, 7, 0}, [3]int64{1, 7, 1}, [3]int64{1, 7, 2}))
	for what, marks := range map[string][][3]int64{
		"is of execution 2":       {{1, 7, 0}, {2, 7, 1}},
		"is of query 8":           {{1, 8, 0}},
		"row 0 comes again":       {{1, 7, 0}, {1, 7, 0}},
		"row 2 comes after row 0": {{1, 7, 0}, {1, 7, 2}},
	} {
		require.ErrorContains(t, rows(r(), marks...), what)
	}
	require.ErrorContains(t, r().row(1, 7, 0, "spoilt"), `has "spoilt"`)

	same := func() *reading { return &reading{query: 7, want: 3} }
	require.NoError(t, rows(same(), [3]int64{0, 7, 0}, [3]int64{0, 7, 1}, [3]int64{0, 7, 2}))
	require.ErrorContains(t, rows(same(), [3]int64{0, 7, 0}, [3]int64{0, 7, 0}), "row 0 comes again")
	require.ErrorContains(t, rows(same(), [3]int64{1, 7, 0}), "is of execution 1, and the data does not change")
	for reason, want := range map[e6.LossReason]verdict{e6.LossRows: wrong, e6.LossColumns: wrong, e6.LossAttempts: cutOff} {
		one := same()
		one.got = 2
		v, _ := one.classify(&e6.CutoverError{RowsDelivered: 2, Reason: reason}, false, unknown, map[kind]bool{abrupt: true})
		require.Equal(t, want, v, "%s: the rows are the same in each execution", reason)
	}

	lost := func(rows int64, wrote bool) error {
		return &e6.CutoverError{RowsDelivered: rows, MayHaveTakenEffect: wrote}
	}
	late, noise := fmt.Errorf("late: %w", context.DeadlineExceeded), &vector.DecodeError{}
	for name, c := range map[string]struct {
		got      int64
		err      error
		writes   bool
		executed int
		happened kind
		want     verdict
	}{
		"all rows":                             {3, nil, false, unknown, "", right},
		"a row too few":                        {2, nil, false, unknown, "", wrong},
		"none":                                 {0, nil, false, unknown, abrupt, wrong},
		"a write":                              {3, nil, true, 1, "", right},
		"a write that was not executed":        {3, nil, true, 0, "", wrong},
		"a write that was executed twice":      {3, nil, true, 2, reset, wrong},
		"a failed one that was executed twice": {0, lost(0, true), true, 2, reset, wrong},
		"cut off after rows":                   {2, lost(2, false), false, unknown, abrupt, cutOff},
		"cut off, with another count":          {2, lost(1, false), false, unknown, abrupt, wrong},
		"cut off before rows":                  {0, lost(0, false), false, unknown, abrupt, wrong},
		"cut off in a graceful cutover":        {2, lost(2, false), false, unknown, graceful, wrong},
		"a write cut off":                      {0, lost(0, true), true, 1, reset, cutOff},
		"a write cut off by GOAWAY":            {0, lost(0, true), true, 1, goAway, wrong},
		"noise":                                {1, noise, false, unknown, corrupt, broken},
		"noise from nowhere":                   {1, noise, false, unknown, abrupt, wrong},
		"too few rows":                         {1, e6.ErrIncomplete, false, unknown, short, broken},
		"too few rows for no reason":           {1, e6.ErrIncomplete, false, unknown, corrupt, wrong},
		"too late":                             {1, late, false, unknown, stuck, timeout},
		"too late for no reason":               {1, late, false, unknown, graceful, wrong},
		"another error":                        {0, errors.New("no"), false, unknown, stuck, wrong},
		"a row that should not be there":       {2, mismatch{errors.New("row")}, false, unknown, abrupt, wrong},
	} {
		one := r()
		one.got = c.got
		v, reason := one.classify(c.err, c.writes, c.executed, map[kind]bool{c.happened: true})
		require.Equal(t, c.want, v, "%s: %s", name, reason)
		require.Equal(t, v == wrong, reason != "", name)
	}
}

func TestRecord_AFaultLastsAndACutoverDoesNot(t *testing.T) {
	r := newRecord()
	began := time.Now()
	r.begin(graceful)()
	r.begin(reset)()
	end := r.begin(abrupt)
	require.Equal(t, map[kind]bool{graceful: true, reset: true, abrupt: true}, r.during(began))
	require.Equal(t, map[kind]bool{reset: true, abrupt: true}, r.during(time.Now().Add(time.Millisecond)))
	end()
	require.Empty(t, r.during(time.Now().Add(time.Minute)))
	require.Equal(t, 2, r.cutovers())
}

// wire is a network with its two ends in hand.
func wire(t *testing.T) (n *network, near, far net.Conn) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	n, err = newNetwork(l.Addr().String())
	require.NoError(t, err)
	near, err = net.Dial("tcp", n.addr())
	require.NoError(t, err)
	far, err = l.Accept()
	require.NoError(t, err)
	for _, c := range []net.Conn{near, far} {
		require.NoError(t, c.SetDeadline(time.Now().Add(stress.Patience)))
	}
	t.Cleanup(func() { near.Close(); far.Close(); l.Close(); n.close() })
	return n, near, far
}

func TestNetwork_SendsGoAwayBetweenTwoFrames(t *testing.T) {
	n, near, far := wire(t)
	server, client := http2.NewFramer(far, far), http2.NewFramer(near, near)
	_, err := near.Write([]byte("what a client sends goes through as it is"))
	require.NoError(t, err)
	_, err = io.ReadFull(far, make([]byte, 40))
	require.NoError(t, err)
	require.NoError(t, server.WritePing(false, [8]byte{1}))
	frame, err := client.ReadFrame()
	require.NoError(t, err)
	require.Equal(t, http2.FramePing, frame.Header().Type)
	n.goaway()
	require.NoError(t, server.WriteData(1, false, []byte("half")))
	frame, err = client.ReadFrame()
	require.NoError(t, err)
	require.Equal(t, "half", string(frame.(*http2.DataFrame).Data()))
	frame, err = client.ReadFrame()
	require.NoError(t, err)
	goAway := frame.(*http2.GoAwayFrame)
	require.Equal(t, http2.ErrCodeNo, goAway.ErrCode)
	require.EqualValues(t, 1<<31-1, goAway.LastStreamID, "it takes no stream back")
	require.NoError(t, server.WriteData(1, true, []byte("rest")))
	frame, err = client.ReadFrame()
	require.NoError(t, err)
	require.Equal(t, "rest", string(frame.(*http2.DataFrame).Data()))
}

func TestNetwork_AStallDelaysAndACutBreaks(t *testing.T) {
	n, near, far := wire(t)
	n.stall()
	_, err := near.Write([]byte("a"))
	require.NoError(t, err)
	arrived := make(chan error, 1)
	go func() {
		_, err := io.ReadFull(far, make([]byte, 1))
		arrived <- err
	}()
	n.heal()
	require.NoError(t, <-arrived)
	n.cut()
	_, err = near.Read(make([]byte, 1))
	require.Error(t, err)
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
}

func TestWorlds_HaveNoViolation(t *testing.T) {
	cutovers := stress.Count(3, 6) // make slice runs them for a minute
	for _, w := range worlds {
		t.Run(w.name, func(t *testing.T) {
			if err := w.missing(); err != nil {
				if os.Getenv("E6_REQUIRE_"+strings.ToUpper(w.name)) == "1" {
					t.Fatal(err)
				}
				t.Skip(err)
			}
			r := w.play(3, cutovers, time.Now().Add(5*time.Minute), t.Logf)
			require.Empty(t, r.violations())
			require.Equal(t, cutovers, r.cutovers())
			require.NotZero(t, r.ended[right])
		})
	}
}

func TestWorld_ReportsAViolation(t *testing.T) {
	// A world whose engine executes every write twice.
	w := worlds[0]
	begin := w.begin
	w.begin = func(r *record, seed uint64) (*site, map[kind]func(fault), error) {
		s, special, err := begin(r, seed)
		if err == nil {
			s.engine.again.Store(1)
		}
		return s, special, err
	}
	r := w.play(3, 50, time.Now().Add(5*time.Minute), t.Logf)
	require.NotEmpty(t, r.violations())
	require.Contains(t, strings.Join(r.violations(), "\n"), "was executed 2 times")
	require.Less(t, r.cutovers(), 50, "it stops there")
}

func TestCommand_AnInvalidFlagIsExitCode2WithAnError(t *testing.T) {
	for args, want := range map[string]string{
		"-worlds mars":            `there is no world "mars": there are direct, haproxy, nginx, files, etcd`,
		"-time 0s":                "-time must be above 0",
		"-cutovers -1":            "-cutovers not below",
		"-nope":                   "flag provided but not defined",
		"-list -cutovers 5 again": "there are no arguments beside the flags",
	} {
		var out strings.Builder
		require.Equal(t, 2, torture(strings.Fields(args), &out), args)
		require.Contains(t, out.String(), want)
	}
	var out strings.Builder
	require.Zero(t, torture(strings.Fields("-list -seed 5 -worlds nginx,direct -cutovers 3"), &out))
	require.Contains(t, out.String(), "seed 5\nnginx\n")
	require.Contains(t, out.String(), "\ndirect\n")
}
