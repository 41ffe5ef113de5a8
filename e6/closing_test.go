package e6_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/internal/stress"
)

// closer is between a client and a cluster, and ends each connection after some requests.
type closer struct {
	after  int  // requests
	goaway bool // it sends GOAWAY, and answers what came before; otherwise it closes the connection
	ended  atomic.Int64
}

// dial connects to the cluster with the closer in between.
func (c *closer) dial(dial func(context.Context, string) (net.Conn, error)) func(context.Context, string) (net.Conn, error) {
	return func(ctx context.Context, address string) (net.Conn, error) {
		far, err := dial(ctx, address)
		if err != nil {
			return nil, err
		}
		near, middle := net.Pipe()
		var writing sync.Mutex // of whole frames to the client
		var answered int
		go func() {
			defer func() { _ = middle.Close() }()
			frames(far, func(frame []byte) bool {
				writing.Lock()
				defer writing.Unlock()
				if _, err := middle.Write(frame); err != nil {
					return false
				}
				if http2.FrameType(frame[3]) == http2.FrameHeaders && http2.Flags(frame[4]).Has(http2.FlagHeadersEndStream) {
					answered++
				}
				if c.goaway || answered < c.after {
					return true
				}
				c.ended.Add(1)
				return false
			})
		}()
		go func() {
			defer func() { _ = far.Close() }()
			preface := make([]byte, len(http2.ClientPreface))
			if _, err := io.ReadFull(middle, preface); err != nil {
				return
			}
			_, _ = far.Write(preface)
			begun, away := 0, false
			last := uint32(1<<32 - 1) // no stream above it is processed
			frames(middle, func(frame []byte) bool {
				stream := binary.BigEndian.Uint32(frame[5:9])
				if http2.FrameType(frame[3]) == http2.FrameHeaders {
					begun++
				}
				if stream > last {
					return true
				}
				// One write: the cluster may answer, and end the connection, before it returns.
				if c.goaway && begun == c.after && !away {
					c.ended.Add(1)
					away, last = true, stream
					var goaway bytes.Buffer
					_ = http2.NewFramer(&goaway, nil).WriteGoAway(last, http2.ErrCodeNo, nil)
					writing.Lock()
					_, err := middle.Write(goaway.Bytes())
					writing.Unlock()
					if err != nil {
						return false
					}
				}
				_, err := far.Write(frame)
				return err == nil
			})
		}()
		return near, nil
	}
}

// mixed runs reads and INSERTs on 16 goroutines, each INSERT with a number of its own. It
// returns the errors of the reads and those of the INSERTs by number.
func mixed(t *testing.T, client *e6.Client, each int) (reads []error, inserts map[int64]error) {
	ctx := within(t, stress.Patience)
	inserts = map[int64]error{}
	var mu sync.Mutex
	var running sync.WaitGroup
	for g := range 16 {
		running.Go(func() {
			for i := range each {
				n := int64(g*each + i)
				inserted := client.Exec(ctx, fmt.Sprintf("INSERT INTO sales VALUES (%d)", n))
				result, err := client.QueryAll(ctx, tenNumbers)
				if err == nil && result.Len() != 10 {
					err = fmt.Errorf("%d rows", result.Len())
				}
				mu.Lock()
				inserts[n] = inserted
				if err != nil {
					reads = append(reads, err)
				}
				mu.Unlock()
			}
		})
	}
	running.Wait()
	return reads, inserts
}

// requireOnce requires that each INSERT without an error ran once, that none ran twice, and
// that none ran whose error reports that it is safe to run again.
func requireOnce(t *testing.T, engine *e6test.CannedEngine, inserts map[int64]error) (lost int) {
	ran := map[int64]int{}
	for _, n := range engine.Inserted("sales") {
		ran[n]++
	}
	for n, err := range inserts {
		if err == nil {
			require.Equal(t, 1, ran[n], "INSERT %d", n)
			continue
		}
		lost++
		if e6.SafeToReplay(err) {
			require.Zero(t, ran[n], "INSERT %d: %v", n, err)
			continue
		}
		require.LessOrEqual(t, ran[n], 1, "INSERT %d: %v", n, err)
		cut, ok := errors.AsType[*e6.CutoverError](err)
		require.True(t, ok, "INSERT %d: %v", n, err)
		require.True(t, cut.MayHaveTakenEffect, "it could be saved: INSERT %d: %v", n, err)
	}
	return lost
}

// closeAfter returns the numbers of requests after which a connection ends. The short form
// has the first, which is the hardest, and one at which a connection ends within a statement.
func closeAfter(requests ...int) []int {
	if stress.Long() {
		return requests
	}
	return []int{requests[0], 5}
}

// An ingress that ends each connection after some requests, as nginx does after
// keepalive_requests, loses nothing if its GOAWAY names the requests that it did not
// process. If it closes the connection, nothing runs twice.
func TestConnections_ThatEndAfterSomeRequestsRunNothingTwice(t *testing.T) {
	for _, after := range closeAfter(1, 2, 5, 20) {
		for name, goaway := range map[string]bool{"GOAWAY": true, "close": false} {
			t.Run(fmt.Sprintf("%s after %d", name, after), func(t *testing.T) {
				engine := e6test.NewCannedEngine()
				cluster := start(t, e6test.WithEngine(engine))
				c := &closer{after: after, goaway: goaway}
				cfg := config(cluster)
				cfg.RetryPause = time.Millisecond
				client, err := e6.Open(within(t, stress.Patience), cfg, e6.WithDialer(c.dial(cluster.Dialer())))
				require.NoError(t, err)
				defer func() { require.NoError(t, client.Close()) }()
				reads, inserts := mixed(t, client, stress.Count(1, 5))
				lost := requireOnce(t, engine, inserts)
				t.Logf("%d connections ended; %d of %d INSERTs and %d of as many reads failed", c.ended.Load(), lost, len(inserts), len(reads))
				require.NotZero(t, c.ended.Load())
				if goaway {
					require.Empty(t, reads)
					require.Zero(t, lost)
				}
				for _, err := range reads {
					require.True(t, e6.SafeToReplay(err), "%v", err)
				}
			})
		}
	}
}

// The same with a real nginx, which drains a connection after some requests, and all of
// them when it is reloaded.
func TestConnections_ThatNginxDrainsLoseNothing(t *testing.T) {
	for _, after := range closeAfter(1, 5, 20) {
		t.Run(fmt.Sprintf("keepalive_requests %d, and reloads", after), func(t *testing.T) {
			engine := e6test.NewCannedEngine()
			cluster := start(t, e6test.WithEngine(engine), e6test.WithEngineListeners("127.0.0.1:0", "127.0.0.1:0"))
			addr, _, reload := startNginxWith(t, cluster, fmt.Sprintf("keepalive_requests %d;", after))
			cfg := config(cluster)
			cfg.Address = addr
			client, err := e6.Open(within(t, stress.Patience), cfg)
			require.NoError(t, err)
			defer func() { require.NoError(t, client.Close()) }()
			ended := make(chan struct{})
			var reloads sync.WaitGroup
			reloads.Go(func() {
				for tick := time.NewTicker(100 * time.Millisecond); ; {
					select {
					case <-tick.C:
						reload()
					case <-ended:
						tick.Stop()
						return
					}
				}
			})
			reads, inserts := mixed(t, client, stress.Count(min(after, 2), 10))
			close(ended)
			reloads.Wait()
			require.Empty(t, reads)
			require.Zero(t, requireOnce(t, engine, inserts))
		})
	}
}
