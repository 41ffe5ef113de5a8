package profile_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/config"
	"github.com/e6data/e6data-go/e6/profile"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clean takes the variables away that could choose a profile.
func clean(t *testing.T) {
	t.Setenv(profile.EnvFile, "")
	t.Setenv(profile.EnvName, "")
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
}

// write makes a file of profiles that only its owner can read.
func write(t *testing.T, text string) string {
	t.Helper()
	clean(t)
	path := filepath.Join(t.TempDir(), "config.toml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

const two = `
default = "dev"

[profiles.dev]
address = "dev.example.com:9000"
user = "me@example.com"
token = "planted"
catalog = "demo"
max_attempts = 3
allow_clear_text = true
retry_pause = 0.5
admission = true

[profiles.prod]
host = "prod.example.com"
tls = true
user = "app"
token_file = "/run/secrets/token"
detection_timeout = "45s"
`

func TestProfile_IsReadByItsName(t *testing.T) {
	path := write(t, two)
	cfg, err := config.Load(profile.File(path, "dev"))
	require.NoError(t, err)
	require.NoError(t, cfg.Validate())
	require.Equal(t, "dev.example.com:9000", cfg.Address)
	require.Equal(t, "me@example.com", cfg.User)
	require.Equal(t, "planted", cfg.Token)
	require.Equal(t, "demo", cfg.Catalog)
	require.Equal(t, 3, cfg.MaxAttempts)
	require.Equal(t, 500*time.Millisecond, cfg.RetryPause)
	require.True(t, cfg.Admission)

	cfg, err = config.Load(profile.File(path, "prod"))
	require.NoError(t, err)
	require.NoError(t, cfg.Validate())
	require.Equal(t, "prod.example.com:443", cfg.Address)
	require.Equal(t, 45*time.Second, cfg.DetectionTimeout)
	require.NotNil(t, cfg.Credentials)
}

func TestProfile_NameComesFromTheCallTheEnvironmentOrTheDefault(t *testing.T) {
	path := write(t, two)
	address := func(p, name string) string {
		cfg, err := config.Load(profile.File(p, name))
		require.NoError(t, err)
		return cfg.Address
	}
	require.Equal(t, "dev.example.com:9000", address(path, ""), "the default of the file")
	t.Setenv(profile.EnvName, "prod")
	require.Equal(t, "prod.example.com:443", address(path, ""), "the variable")
	require.Equal(t, "dev.example.com:9000", address(path, "dev"), "the argument")
	t.Setenv(profile.EnvFile, path)
	require.Equal(t, path, profile.DefaultPath())
	require.Equal(t, "prod.example.com:443", address("", ""))

	single := write(t, "[profiles.only]\naddress = \"h:1\"\n")
	require.Equal(t, "h:1", address(single, ""), "the only one")
	names, byDefault, err := profile.Names(single)
	require.NoError(t, err)
	require.Equal(t, []string{"only"}, names)
	require.Equal(t, "only", byDefault)
}

func TestProfile_TheUsersFileIsReadIfItExists(t *testing.T) {
	clean(t)
	cfg, err := config.Load(profile.File("", ""))
	require.NoError(t, err, "there is none, and none was requested")
	require.Empty(t, cfg.Address)
	_, err = config.Load(profile.File("", "dev"))
	require.ErrorContains(t, err, "a file that can be read")
	require.NoError(t, os.MkdirAll(filepath.Dir(profile.DefaultPath()), 0o700))
	require.NoError(t, os.WriteFile(profile.DefaultPath(), []byte(two), 0o600))
	cfg, err = config.Load(profile.File("", ""))
	require.NoError(t, err)
	require.Equal(t, "dev.example.com:9000", cfg.Address)
}

func TestProfile_LaterSourcesOverrideItsFieldsAndCredentials(t *testing.T) {
	path := write(t, two)
	t.Setenv("E6DATA_PASSWORD", "from the environment")
	cfg, err := config.Load(profile.File(path, "prod"), config.FromEnv(), config.FromDSN("e6s://other.example.com?cluster=c"))
	require.NoError(t, err)
	require.NoError(t, cfg.Validate())
	require.Equal(t, "from the environment", cfg.Token)
	require.Equal(t, "app", cfg.User)
	require.Nil(t, cfg.Credentials)
	require.Equal(t, "other.example.com:443", cfg.Address)
	cfg, err = config.Load(config.FromEnv(), profile.File(path, "prod"))
	require.NoError(t, err)
	require.NoError(t, cfg.Validate())
	require.Empty(t, cfg.Token)
	require.NotNil(t, cfg.Credentials)
}

func TestProfile_TokenComesFromItsConfiguredSource(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(secret, []byte("from a file\n"), 0o600))
	for name, c := range map[string]struct{ lines, want string }{
		"a file":               {"user = \"me\"\ntoken_file = \"" + secret + "\"", "from a file"},
		"a command":            {"user = \"me\"\ntoken_command = [\"echo\", \"from a command\"]", "from a command"},
		"a bearer's file":      {"tls = true\nbearer_file = \"" + secret + "\"", "from a file"},
		"a bearer's command":   {"tls = true\nbearer_command = [\"echo\", \"from a command\"]", "from a command"},
		"a command alone":      {"user = \"me\"\ntoken_command = \"hostname\"", hostname(t)},
		"OAuth, in the header": {oauth(t, "basic", "oauth_client_secret = \"shh\""), "by basic for sql,more"},
		"OAuth, in the body":   {oauth(t, "body", "oauth_client_secret = \"shh\""), "by body for sql,more"},
		"OAuth, with a file":   {oauth(t, "basic", "oauth_client_secret_file = \""+client(t)+"\""), "by basic for sql,more"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, err := config.Load(profile.File(write(t, "[profiles.p]\naddress = \"localhost:1\"\n"+c.lines+"\n"), ""))
			require.NoError(t, err)
			require.NoError(t, cfg.Validate())
			var got string
			if cfg.Bearer != nil {
				got, err = cfg.Bearer(t.Context())
			} else {
				_, got, err = cfg.Credentials(t.Context())
			}
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}

func hostname(t *testing.T) string {
	name, err := os.Hostname()
	require.NoError(t, err)
	return name
}

func client(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "client")
	require.NoError(t, os.WriteFile(path, []byte("shh\n"), 0o600))
	return path
}

// oauth serves tokens that name their request, and returns the lines of
// a profile that uses it.
func oauth(t *testing.T, style, secret string) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		how, id, given := "body", r.Form.Get("client_id"), r.Form.Get("client_secret")
		if user, password, ok := r.BasicAuth(); ok {
			how, id, given = "basic", user, password
		}
		if id != "reports" || given != "shh" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		scope := ""
		for i, b := range r.Form.Get("scope") {
			if b == ' ' && i > 0 {
				b = ','
			}
			scope += string(b)
		}
		_, _ = w.Write([]byte(`{"token_type":"Bearer","expires_in":3600,"access_token":"by ` + how + ` for ` + scope + `"}`))
	}))
	t.Cleanup(func() {
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
		server.Close()
	})
	return "tls = true\noauth_token_url = \"" + server.URL + "\"\noauth_client_id = \"reports\"\noauth_scopes = [\"sql\", \"more\"]\noauth_auth_style = \"" + style + "\"\n" + secret
}

func TestProfile_ErrorsAreReportedTogetherWithoutASecret(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"no TOML":               {"[profiles.p]\ntoken = planted\n", []string{"valid TOML: line 2"}},
		"no tables":             {"profiles = 5\n", []string{"tables [profiles.NAME]"}},
		"no profiles":           {"", []string{"tables [profiles.NAME], of which the file has none"}},
		"an unknown default":    {"default = \"x\"\n[profiles.p]\n", []string{`profile is "x": want one of p`}},
		"several and no name":   {"[profiles.p]\n[profiles.q]\n", []string{"one of p, q"}},
		"a key outside":         {"adress = \"h\"\n[profiles.p]\n", []string{"adress is unknown"}},
		"unknown keys":          {"[profiles.p]\nadress = \"h\"\nnonsense = 1\n", []string{"adress is unknown", "want address", "nonsense is unknown"}},
		"values that don't fit": {"[profiles.p]\nmax_attempts = 99\ntls = \"perhaps\"\nca = [1]\n", []string{"max_attempts", "from 1 to 20", "tls", "true or false", "ca is a []interface"}},
		"two sources":           {"[profiles.p]\ntoken = \"planted\"\ntoken_file = \"x\"\n", []string{"token_file, token is given together"}},
		"an empty command":      {"[profiles.p]\ntoken_command = []\n", []string{"token_command", "a list of texts"}},
		"half of OAuth":         {"[profiles.p]\noauth_client_id = \"x\"\noauth_auth_style = \"smoke\"\n", []string{"oauth_token_url is empty", "oauth_client_secret is given twice or not at all", "basic or body"}},
		"an address":            {"[profiles.p]\naddress = \"me:planted@h:1\"\n", []string{"Address", "the user and the token have fields of their own"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := config.Load(profile.File(write(t, c.text), ""))
			var wrong *e6.ConfigError
			require.ErrorAs(t, err, &wrong)
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
			require.NotContains(t, err.Error(), "planted")
		})
	}
}

func TestProfile_ASecretReadableByOtherUsersIsRefused(t *testing.T) {
	path := write(t, two)
	require.NoError(t, os.Chmod(path, 0o640))
	_, err := config.Load(profile.File(path, "dev"))
	require.ErrorContains(t, err, "chmod 600 "+path)
	_, err = config.Load(profile.File(path, "prod"))
	require.NoError(t, err, "that one holds no secret")
	for _, key := range []string{"password", "Token", "pwd"} {
		path := write(t, "[profiles.p]\naddress = \"h:1\"\n"+key+" = \"planted\"\n")
		require.NoError(t, os.Chmod(path, 0o640))
		_, err = config.Load(profile.File(path, "p"))
		require.ErrorContains(t, err, "chmod 600 "+path, key)
	}
}

func FuzzAFileOfAnyTextIsReadOrRefused(f *testing.F) {
	f.Add([]byte(two))
	f.Add([]byte("default = 1"))
	f.Add([]byte("[profiles]\np = 1"))
	f.Add([]byte("[profiles.p]\ntoken_command = [1, \"\"]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), "config.toml")
		require.NoError(t, os.WriteFile(path, text, 0o600))
		_, err := config.Load(profile.File(path, ""))
		if err != nil {
			var wrong *e6.ConfigError
			require.ErrorAs(t, err, &wrong)
		}
	})
}
