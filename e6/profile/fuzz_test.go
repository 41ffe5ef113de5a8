package profile_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/config"
	"github.com/e6data/e6data-go/e6/profile"
)

// No error of a file shows the secret in it.
func FuzzASecretOfAFileIsNotShown(f *testing.F) {
	for _, more := range []string{
		"", "user = \"a\"", "port = 99999", "token = 1", "[profiles.q]", "x = [", "oauth_client_id = 7", "token_command = []", "=", "address = \"%s\"", "\"\"\"",
	} {
		f.Add(more, more, false)
		f.Add(more, more, true)
	}
	f.Fuzz(func(t *testing.T, before, behind string, client bool) {
		const secret = "pl4nted-s3cret"
		key := "token"
		if client {
			key = "oauth_client_secret"
		}
		text := fmt.Sprintf("[profiles.p]\n%s\n%s = %q\n%s", before, key, secret, behind)
		path := filepath.Join(t.TempDir(), "config.toml")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		cfg, err := config.Load(profile.File(path, "p"))
		if err != nil {
			wrong, ok := err.(*e6.ConfigError)
			require.True(t, ok, "%T", err)
			require.NotEmpty(t, wrong.Problems)
			for _, p := range wrong.Problems {
				require.NotEmpty(t, p.Field)
				require.NotEmpty(t, p.Want, "what would be right")
			}
			require.NotContains(t, err.Error(), secret, "%s", text)
			return
		}
		require.NotContains(t, fmt.Sprintf("%v %+v %#v", cfg, cfg, cfg), secret)
		if !client && cfg.Bearer == nil && !strings.Contains(behind+before, "token") {
			require.Equal(t, secret, cfg.Token)
		}
	})
}
