package e6test_test

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/internal/bubbles"
)

// piped dials the other end of a pipe.
func piped(far net.Conn) func(context.Context, string) (net.Conn, error) {
	return func(context.Context, string) (net.Conn, error) { return far, nil }
}

func TestLink_DelaysEachDirectionSeparately(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		link := e6test.Link{Up: 3 * time.Second, Down: 4 * time.Second}
		server, far := net.Pipe()
		began := time.Now()
		client, err := link.Dialer(piped(far))(t.Context(), "anywhere")
		require.NoError(t, err)
		require.Equal(t, link.RTT(), time.Since(began), "a connection takes a round trip")

		began = time.Now()
		received := make(chan time.Duration, 3)
		go func() {
			for range 3 {
				word := make([]byte, 4)
				_, err := io.ReadFull(server, word)
				received <- time.Since(began)
				if err == nil && string(word) == "ping" {
					_, _ = io.WriteString(server, "pong")
				}
			}
		}()
		for range 2 { // which do not wait for each other
			_, err = io.WriteString(client, "ping")
			require.NoError(t, err)
		}
		require.Zero(t, time.Since(began), "to send takes no time")
		answer := make([]byte, 8)
		_, err = io.ReadFull(client, answer)
		require.NoError(t, err)
		require.Equal(t, "pongpong", string(answer))
		require.Equal(t, 7*time.Second, time.Since(began))
		require.Equal(t, 3*time.Second, <-received)
		require.Equal(t, 3*time.Second, <-received)

		require.NoError(t, client.Close())
		require.Equal(t, 7*time.Second, <-received, "the end takes no time")
		synctest.Wait()
	})
}

func TestLink_LosesNoBytes(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		server, far := net.Pipe()
		client, err := e6test.Link{Up: time.Millisecond, Down: time.Hour}.Dialer(piped(far))(t.Context(), "anywhere")
		require.NoError(t, err)
		text := strings.Repeat("0123456789", 100_000)
		go func() {
			_, _ = io.WriteString(client, text)
			_ = client.Close()
		}()
		got, err := io.ReadAll(server)
		require.NoError(t, err)
		require.Equal(t, text, string(got))
		_ = server.Close()
	})
}

func TestLink_EndsWithTheServersEnd(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		server, far := net.Pipe()
		client, err := e6test.Link{Up: time.Second, Down: time.Second}.Dialer(piped(far))(t.Context(), "anywhere")
		require.NoError(t, err)
		began := time.Now()
		require.NoError(t, server.Close())
		_, err = client.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
		require.Equal(t, time.Second, time.Since(began))
		require.NoError(t, client.Close())
	})
}

func TestDialingThroughALinkEndsWithItsContext(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := e6test.Link{Up: time.Hour}.Dialer(piped(nil))(ctx, "anywhere")
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}
