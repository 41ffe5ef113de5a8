package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/e6/recorder"
)

// smoke is a guard that waits until the target answers a query.
type smoke struct{}

func (smoke) Guard(ctx context.Context, p *hook.Proposal) hook.Decision {
	if p.Attempt == 1 && p.To == fsm.Green {
		return hook.Delay(150*time.Millisecond, "the caches of green are cold")
	}
	if _, err := p.Query(ctx, "SELECT 1"); err != nil {
		return hook.Veto(err.Error())
	}
	return hook.Allow()
}

// play starts a cluster and a client with load, and makes the cutovers.
func play(ctx context.Context, path string) (err error) {
	cluster, err := e6test.Start(e6test.InMemory(), e6test.WithEngine(slowWrites{e6test.NewCannedEngine()}), e6test.WithLatency(6*time.Millisecond))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cluster.Close()) }()
	client, err := e6.Open(ctx, e6.Config{
		Address: cluster.Addr(), User: "me@example.com", Token: "any-token", ContinueWindow: 256 << 10, ReadyTimeout: time.Minute,
	}, e6.WithDialer(cluster.Dialer()), e6.WithRecorder(recorder.File(path, recorder.Size(2*recorder.MinSize))), e6.WithGuard(smoke{}),
		e6.WithRollback(e6.RollbackPolicy{MinRequests: 8, CoolDown: time.Minute}))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()

	running, end := context.WithCancel(ctx)
	var load sync.WaitGroup
	for i := range 5 {
		load.Go(func() { lookups(running, client, time.Duration(i)*17*time.Millisecond) })
	}
	load.Go(func() { exports(running, client, 9_000, 60*time.Millisecond) })
	load.Go(func() { exports(running, client, 40_000, 12*time.Millisecond) })
	load.Go(func() { inserts(running, client) })
	err = cutovers(ctx, cluster)
	end()
	load.Wait()
	return err
}

// slowWrites is an engine whose writes take some time, so that a cutover meets one.
type slowWrites struct{ e6test.Engine }

func (e slowWrites) Prepare(ctx context.Context, s e6test.Statement) (e6test.Prepared, error) {
	p, err := e.Engine.Prepare(ctx, s)
	if err == nil && strings.HasPrefix(s.SQL, "INSERT") {
		p = slowWrite{p}
	}
	return p, err
}

type slowWrite struct{ e6test.Prepared }

func (p slowWrite) Execute(ctx context.Context) (e6test.Result, error) {
	pause(ctx, 80*time.Millisecond)
	return p.Prepared.Execute(ctx)
}

// cutovers makes the changes: an announcement long before the target accepts, an abrupt change
// that takes the engine away, and a target that fails and is left by a rollback.
func cutovers(ctx context.Context, cluster *e6test.Cluster) error {
	pause(ctx, 1500*time.Millisecond)
	cluster.Announce(fsm.Green)
	pause(ctx, 1200*time.Millisecond)
	cluster.OpenSide(fsm.Green)
	pause(ctx, 1500*time.Millisecond)
	cluster.CloseSide(fsm.Blue)
	cluster.ClearAnnouncement()
	pause(ctx, 700*time.Millisecond)

	if err := cluster.Cutover(ctx, e6test.Cutover{To: fsm.Blue, Kind: e6test.Abrupt, EngineGone: true}); err != nil {
		return err
	}
	pause(ctx, 1500*time.Millisecond)

	broken := cluster.Inject(e6test.Fault{
		Side: fsm.Green, Method: e6test.MethodExecuteStatement, Nth: 40, Times: -1, Action: e6test.Answer, Code: codes.Unavailable, Message: "upstream connect error",
	})
	cluster.OpenSide(fsm.Green)
	cluster.Announce(fsm.Green)
	pause(ctx, 2500*time.Millisecond)
	cluster.ClearAnnouncement()
	broken.Remove()
	pause(ctx, time.Second)
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// lookups runs short reads.
func lookups(ctx context.Context, client *e6.Client, offset time.Duration) {
	for pause(ctx, offset); ctx.Err() == nil; pause(ctx, 70*time.Millisecond) {
		_, _ = client.QueryAll(ctx, "SELECT * FROM numbers(20)")
	}
}

// exports reads long results slowly.
func exports(ctx context.Context, client *e6.Client, rows int, each time.Duration) {
	for ; ctx.Err() == nil; pause(ctx, 30*time.Millisecond) {
		result, err := client.Query(ctx, fmt.Sprintf("SELECT * FROM numbers(%d)", rows))
		if err != nil {
			continue
		}
		for n := 0; result.Next(); n++ {
			if n%1000 == 0 {
				pause(ctx, each)
			}
		}
		_ = result.Close()
	}
}

// inserts runs writes, which are never replayed.
func inserts(ctx context.Context, client *e6.Client) {
	for n := 0; ctx.Err() == nil; n++ {
		_ = client.Exec(ctx, fmt.Sprintf("INSERT INTO orders VALUES (%d)", n))
		pause(ctx, 40*time.Millisecond)
	}
}
