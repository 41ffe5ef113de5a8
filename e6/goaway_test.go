package e6_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/e6data/e6data-go/e6"
)

// drainer is between a client and a cluster. It answers some requests as an ingress
// does that drains its connections, with a GOAWAY that names an earlier stream, and
// passes the rest on.
type drainer struct {
	mu     sync.Mutex
	method string
	left   int // requests to answer so
	hit    int
}

// hits reports whether a request is to be answered by GOAWAY.
func (d *drainer) hits(path string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.left == 0 || !strings.HasSuffix(path, "/"+d.method) {
		return false
	}
	d.left--
	d.hit++
	return true
}

// dial connects to the cluster with the drainer in between.
func (d *drainer) dial(dial func(context.Context, string) (net.Conn, error)) func(context.Context, string) (net.Conn, error) {
	return func(ctx context.Context, address string) (net.Conn, error) {
		far, err := dial(ctx, address)
		if err != nil {
			return nil, err
		}
		near, middle := net.Pipe()
		var writing sync.Mutex // of whole frames to the client
		go func() {
			defer func() { _ = middle.Close() }()
			frames(far, func(frame []byte) bool {
				writing.Lock()
				defer writing.Unlock()
				_, err := middle.Write(frame)
				return err == nil
			})
		}()
		go func() {
			defer func() { _ = far.Close() }()
			preface := make([]byte, len(http2.ClientPreface))
			if _, err := io.ReadFull(middle, preface); err != nil {
				return
			}
			_, _ = far.Write(preface)
			d.requests(middle, far, &writing)
		}()
		return near, nil
	}
}

// requests passes frames of the client on, except those of requests that are hit.
func (d *drainer) requests(client io.ReadWriter, cluster io.Writer, writing *sync.Mutex) {
	var path string
	decoder := hpack.NewDecoder(4096, func(f hpack.HeaderField) {
		if f.Name == ":path" {
			path = f.Value
		}
	})
	last := uint32(1<<32 - 1) // no stream above it is processed
	frames(client, func(frame []byte) bool {
		stream := binary.BigEndian.Uint32(frame[5:9])
		if http2.FrameType(frame[3]) == http2.FrameHeaders {
			path = ""
			if _, err := decoder.Write(frame[9:]); err != nil { // gRPC neither pads nor ranks
				return false
			}
			if stream <= last && d.hits(path) {
				last = max(stream, 2) - 2
				writing.Lock()
				defer writing.Unlock()
				return http2.NewFramer(client, nil).WriteGoAway(last, http2.ErrCodeNo, nil) == nil
			}
		}
		if stream > last {
			return true
		}
		_, err := cluster.Write(frame)
		return err == nil
	})
}

// frames reads HTTP/2 frames until the end, or until pass returns false.
func frames(from io.Reader, pass func(frame []byte) bool) {
	for {
		frame := make([]byte, 9, 64)
		if _, err := io.ReadFull(from, frame); err != nil {
			return
		}
		length := int(frame[0])<<16 | int(frame[1])<<8 | int(frame[2])
		frame = append(frame, make([]byte, length)...)
		if _, err := io.ReadFull(from, frame[9:]); err != nil || !pass(frame) {
			return
		}
	}
}

// TestGoAway_LosesNoStatement shows that a call which the ingress did not
// process, according to its GOAWAY, is retried for any statement and at any step. gRPC
// itself retries it once.
func TestGoAway_LosesNoStatement(t *testing.T) {
	for _, method := range []string{"authenticate", "prepareStatement", "executeStatement", "getResultMetadata", "getNextResultBatchV2", "clearOrCancelQuery"} {
		for times, name := range map[int]string{1: "once", 2: "twice", 16: "sixteen times"} {
			t.Run(method+", "+name, func(t *testing.T) {
				cluster := start(t)
				d := &drainer{method: method}
				cfg := config(cluster)
				cfg.RetryPause = time.Millisecond
				client, err := e6.Open(t.Context(), cfg, e6.WithDialer(d.dial(cluster.Dialer())))
				require.NoError(t, err)
				defer func() { require.NoError(t, client.Close()) }()
				ctx := within(t, 30*time.Second)
				if method == "authenticate" {
					cluster.ExpireSessions(e6.Blue)
				}
				d.mu.Lock()
				d.left = times
				d.mu.Unlock()
				require.NoError(t, client.Exec(ctx, insertSeven))
				require.Equal(t, 1, executions(cluster, insertSeven))
				ready(t, "the query is freed", func() bool { return len(cluster.OpenQueries()) == 0 })
				d.mu.Lock()
				require.Equal(t, times, d.hit)
				d.mu.Unlock()
				require.Zero(t, client.Stats().Lost)
			})
		}
	}
}
