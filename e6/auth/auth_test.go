package auth

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/oauth2"

	"github.com/e6data/e6data-go/internal/bubbles"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTokenFile_IsReadAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	token := File(path)
	_, err := token(t.Context())
	require.ErrorIs(t, err, os.ErrNotExist)
	for _, want := range []string{"one", "two"} {
		require.NoError(t, os.WriteFile(path, []byte("\n "+want+"\n"), 0o600))
		got, err := token(t.Context())
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	require.NoError(t, os.WriteFile(path, []byte(" \n"), 0o600))
	_, err = token(t.Context())
	require.ErrorIs(t, err, ErrNoToken)
}

func TestTokenCommand_TokenIsItsOutput(t *testing.T) {
	user, token, err := User("me", Command("printf", " secret\n"))(t.Context())
	require.NoError(t, err)
	require.Equal(t, "me", user)
	require.Equal(t, "secret", token)
	_, err = Command("sh", "-c", "echo not today >&2; exit 3")(t.Context())
	require.ErrorContains(t, err, "not today")
	_, err = Command("no-such-program")(t.Context())
	require.Error(t, err)
	_, err = Command("true")(t.Context())
	require.ErrorIs(t, err, ErrNoToken)
	got, err := Static("s")(t.Context())
	require.NoError(t, err)
	require.Equal(t, "s", got)
}

// sourceFunc is a function that is a token source.
type sourceFunc func() (*oauth2.Token, error)

func (f sourceFunc) Token() (*oauth2.Token, error) { return f() }

func TestTokenSource_ConcurrentCallersShareOneRequest(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		fetched := 0
		token := OAuth2(sourceFunc(func() (*oauth2.Token, error) {
			fetched++
			<-time.After(time.Second) // of the bubble
			return &oauth2.Token{AccessToken: "t", Expiry: time.Now().Add(10 * time.Minute)}, nil
		}))
		var waiting sync.WaitGroup
		for range 64 {
			waiting.Go(func() {
				if got, err := token(t.Context()); err != nil || got != "t" {
					t.Error(got, err)
				}
			})
		}
		impatient, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		_, err := token(impatient)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		waiting.Wait()
		require.Equal(t, 1, fetched)

		<-time.After(9*time.Minute + 30*time.Second) // half a minute is left
		began := time.Now()
		_, err = token(t.Context())
		require.NoError(t, err)
		require.Zero(t, time.Since(began), "no caller waits while the old one is valid")
		synctest.Wait()
		<-time.After(2 * time.Second)
		require.Equal(t, 2, fetched)
	})
}

func TestTokenSource_AFailureIsRetriedByTheNextCall(t *testing.T) {
	broken := errors.New("broken")
	fail := true
	token := OAuth2(sourceFunc(func() (*oauth2.Token, error) {
		if fail {
			return nil, broken
		}
		return &oauth2.Token{AccessToken: "t"}, nil
	}))
	_, err := token(t.Context())
	require.ErrorIs(t, err, broken)
	fail = false
	got, err := token(t.Context())
	require.NoError(t, err)
	require.Equal(t, "t", got)
}
