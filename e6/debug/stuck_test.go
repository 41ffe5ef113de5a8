package debug

import (
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
)

// oneConn is a listener of a server in a bubble: it has one connection, which is
// no socket, so that its deadlines are in the bubble's time.
type oneConn struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (l *oneConn) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *oneConn) Close() error   { close(l.closed); return nil }
func (l *oneConn) Addr() net.Addr { return &net.UnixAddr{Name: "bubble", Net: "unix"} }

// over requests the stream from a server in a bubble, and returns the near end
// of the connection.
func over(t *testing.T, server *http.Server, test func(near net.Conn)) {
	t.Helper()
	l := &oneConn{conns: make(chan net.Conn, 1), closed: make(chan struct{})}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	near, far := net.Pipe()
	l.conns <- far
	_, err := near.Write([]byte("GET /events HTTP/1.1\r\nHost: ops.example\r\n\r\n"))
	require.NoError(t, err)
	test(near)
	require.NoError(t, near.Close())
	require.NoError(t, server.Close())
	require.ErrorIs(t, <-served, http.ErrServerClosed)
}

func TestStream_EndsWhenThePageReadsNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, client *e6.Client) {
		h := Handler(client)
		streams := h.(*handler).streams
		over(t, &http.Server{Handler: h}, func(net.Conn) {
			synctest.Wait()
			require.Len(t, streams, 1)
			<-time.After(writeTimeout - time.Second)
			require.Len(t, streams, 1)
			<-time.After(2 * time.Second)
			require.Empty(t, streams)
		})
	})
}

// The limit of a server for whole answers is not for streams.
func TestStream_OutlivesTheServersWriteTimeout(t *testing.T) {
	inBubble(t, func(t *testing.T, client *e6.Client) {
		h := Handler(client)
		over(t, &http.Server{Handler: h, WriteTimeout: 3 * time.Second}, func(near net.Conn) {
			go io.Copy(io.Discard, near)
			<-time.After(time.Minute)
			require.Len(t, h.(*handler).streams, 1)
		})
	})
}
