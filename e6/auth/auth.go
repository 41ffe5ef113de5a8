package auth

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

// Token returns a token. It is called by many goroutines at once.
type Token func(ctx context.Context) (string, error)

// Static returns always the same token.
func Static(token string) Token {
	return func(context.Context) (string, error) { return token, nil }
}

// ErrNoToken: the source has no token.
var ErrNoToken = errors.New("there is no token")

// File reads the token from a file, each time: white space around it does not
// count.
func File(path string) Token {
	return func(context.Context) (string, error) {
		text, err := os.ReadFile(path)
		if err != nil {
			return "", fmt.Errorf("auth: %w", err)
		}
		return trimmed("file "+path, text)
	}
}

// Command runs a program, each time, and takes what it writes to its standard
// output: white space around it does not count. The program ends with ctx. Its
// errors hold what it writes to its standard error, which must be no secret.
func Command(name string, args ...string) Token {
	return func(ctx context.Context) (string, error) {
		text, err := exec.CommandContext(ctx, name, args...).Output()
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			return "", fmt.Errorf("auth: command %s: %w: %s", name, err, strings.TrimSpace(string(exit.Stderr)))
		}
		if err != nil {
			return "", fmt.Errorf("auth: command %s: %w", name, err)
		}
		return trimmed("command "+name, text)
	}
}

func trimmed(source string, text []byte) (string, error) {
	token := strings.TrimSpace(string(text))
	if token == "" {
		return "", fmt.Errorf("auth: %s: %w", source, ErrNoToken)
	}
	return token, nil
}

// User makes a Config.Credentials of a user and the source of its token.
func User(user string, token Token) func(ctx context.Context) (string, string, error) {
	return func(ctx context.Context) (string, string, error) {
		t, err := token(ctx)
		return user, t, err
	}
}

// Early is how long before its expiry a token of OAuth2 is renewed.
const Early = time.Minute

// OAuth2 makes a Config.Bearer of a token source, such as that of
// golang.org/x/oauth2/clientcredentials. A token is kept until it expires. It is
// renewed once for all callers, in good time, so that they only wait, within
// their contexts, if there is no valid one.
func OAuth2(source oauth2.TokenSource) Token {
	return (&renewer{source: source}).token
}
