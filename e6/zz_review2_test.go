package e6_test

import (
	"context"
	"testing"
	"time"
	"errors"

	"google.golang.org/grpc/codes"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
)

func TestYYPrepareLeft(t *testing.T) {
	cluster := start(t)
	c := open(t, cluster, func(c *e6.Config) { c.CloseTimeout = 100 * time.Millisecond })
	cluster.Inject(e6test.Fault{Method: "prepareStatement", Action: e6test.DelayAfter, Delay: 500 * time.Millisecond})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_ = c.Exec(ctx, "SELECT 1")
	time.Sleep(time.Second)
	requireIdle(t, c)
	t.Logf("cancelled prepare slower than CloseTimeout: open queries %d, abandoned=%d", len(cluster.OpenQueries()), c.Stats().Abandoned)
}

func TestYYInvalidFlood(t *testing.T) {
	cluster := start(t)
	c := open(t, cluster)
	cluster.Inject(e6test.Fault{Action: e6test.Announce, Message: "purple", Times: -1})
	for range 100 { _ = c.Exec(t.Context(), "SELECT 1") }
	n := 0
	for _, e := range c.History() { if _, ok := e.Data.(events.AnnouncementInvalid); ok { n++ } }
	t.Logf("invalid announcements: %d of %d events of history", n, len(c.History()))
}

func TestYYCredentialsAfterExecute(t *testing.T) {
	engine := e6test.NewCannedEngine()
	cluster := start(t, e6test.WithEngine(engine))
	cfg := config(cluster)
	cfg.User, cfg.Token = "", ""
	var fail error
	cfg.Credentials = func(context.Context) (string, string, error) { return "u", "t", fail }
	c, err := e6.Open(t.Context(), cfg, e6.WithDialer(cluster.Dialer()))
	if err != nil { t.Fatal(err) }
	defer c.Close()
	fail = errors.New("vault is down")
	cluster.Inject(e6test.Fault{Method: "getResultMetadata", Action: e6test.Fail, Code: codes.Internal, Message: "Access denied. Invalid session"})
	t.Logf("INSERT executed, session denied at metadata, callback fails: %s inserted=%v", lostIt(c.Exec(t.Context(), "INSERT INTO s VALUES (1)")), engine.Inserted("s"))
	fail = nil
	cluster.Inject(e6test.Fault{Method: "executeStatement", Action: e6test.Fail, Code: codes.Internal, Message: "Access denied. Invalid session"})
	cluster.Inject(e6test.Fault{Method: "authenticate", Action: e6test.EmptySession})
	t.Logf("INSERT, session denied at execute, login empty: %s inserted=%v", lostIt(c.Exec(t.Context(), "INSERT INTO s VALUES (2)")), engine.Inserted("s"))
	cluster.Inject(e6test.Fault{Method: "prepareStatement", Action: e6test.BadGateway, Times: -1})
	t.Logf("INSERT, prepare 502: %s", lostIt(c.Exec(t.Context(), "INSERT INTO s VALUES (3)")))
}

func TestYYControlOnWrongSideAfterCutover(t *testing.T) {
	cluster := start(t)
	c := open(t, cluster)
	rows, err := c.Query(t.Context(), "SELECT * FROM numbers(30)")
	if err != nil { t.Fatal(err) }
	h := rows.Handle()
	rows.Close()
	requireIdle(t, c)
	_ = cluster.Cutover(t.Context(), e6test.Cutover{To: e6.Green, Kind: e6test.Abrupt})
	_ = c.Exec(t.Context(), "SELECT 1")
	for range 3 {
		_, err = c.Status(t.Context(), h)
	}
	t.Logf("status of drained side: %s; blue logins=%d", lostIt(err), calls(cluster, "authenticate", e6.Blue))
	cluster.OpenSide(e6.Blue)
	b := calls(cluster, "authenticate", e6.Blue)
	for range 10 { _, err = c.Status(t.Context(), h) }
	t.Logf("10 status on open old side: %v logins=%d", err, calls(cluster, "authenticate", e6.Blue)-b)
	g := calls(cluster, "getResultMetadata")
	_, _ = c.Analyze(t.Context(), h)
	_ = g
}

func TestYYCloseHammer(t *testing.T) {
	for range 30 {
		cluster := start(t)
		c := open(t, cluster)
		var done []<-chan error
		for range 8 {
			done = append(done, later(func() error {
				for {
					if _, err := c.QueryAll(t.Context(), "SELECT * FROM numbers(2000)"); err != nil { return err }
				}
			}))
		}
		time.Sleep(5 * time.Millisecond)
		b := time.Now()
		c.Close()
		if d := time.Since(b); d > time.Second { t.Logf("close took %v", d) }
		for _, d := range done {
			if err := <-d; !errors.Is(err, e6.ErrClosed) { t.Logf("hammer: %s", lostIt(err)) }
		}
		ready(t, "left", func() bool { return len(cluster.OpenQueries()) == 0 })
	}
}
