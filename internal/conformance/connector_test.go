package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
)

// A judgement is a line of testdata/connector.py.
type judgement struct {
	Case, SQL, Error string
	Values           [][]*string
}

// A connector is a version of the public connector and a way to use it.
type connector struct {
	name, environment string
	api               string // sync or async
	refuse            string // the form of a refusal
	oauth, v2         bool
	// wrong states in which cases its values differ from ours, and reason it is wrong. lacks states
	// which cases it does not have, and fails which ones fail, with the reason outside this project.
	wrong, lacks, fails map[string]string
	// values are those of the cases whose values differ from connectorValues.
	values map[string]string
}

// TestConnector runs the cases of testdata/connector.py.
func TestConnector(t *testing.T) {
	enabled(t)
	if !hasPython() {
		t.Skip("without Python the connector cannot be installed")
	}
	addr := freeAddr(t)
	listens(t, run(t, emulatorProgram(t), "--listen", addr, "--admin", ""), addr)
	cfg := config(addr)
	cfg.Catalog, cfg.Schema = "demo", "sales"
	client, err := e6.Open(t.Context(), cfg)
	require.NoError(t, err)
	defer client.Close()
	for _, c := range connectors {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*patience)
			defer cancel()
			python := filepath.Join(filepath.Dir(installed), c.environment, "bin", "python")
			version, err := describes(python, "-c", "import importlib.metadata as m; print(m.version('e6data-python-connector'))")
			require.NoError(t, err)
			setVersion(c.name, strings.TrimSpace(version))
			options, env := c.start(t)
			text, err := json.Marshal(options)
			require.NoError(t, err)
			var warnings bytes.Buffer
			script := command(ctx, python, filepath.Join("testdata", "connector.py"), string(text))
			script.Env = append(append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1"), env...)
			script.Stderr = &warnings
			lines, err := output(t, script)
			require.NoError(t, err, "%s", &warnings)
			cases := 0
			for line := range bytes.Lines(lines) {
				cases++
				var j judgement
				require.NoError(t, json.Unmarshal(line, &j), "%s", line)
				t.Run(strings.ReplaceAll(j.Case, " ", "_"), func(t *testing.T) {
					r := record(t, "connector", j.Case, c.name)
					if reason := c.lacks[j.Case]; reason != "" {
						require.NotEmpty(t, j.Error, "the connector has it now")
						r.Skipped = reason
						t.Skip(reason)
					}
					j.check(t, ctx, client, r, c)
				})
			}
			require.Greater(t, cases, 33, "%s", &warnings)
		})
	}
}

// start starts an emulator of its own for a connector, and returns the options of
// testdata/connector.py and its environment.
func (c connector) start(t *testing.T) (options map[string]any, env []string) {
	addr, admin := freeAddr(t), freeAddr(t)
	host, text, err := net.SplitHostPort(addr)
	require.NoError(t, err)
	port, err := strconv.Atoi(text)
	require.NoError(t, err)
	connect := map[string]any{"host": host, "port": port}
	options = map[string]any{"api": c.api, "admin": admin, "connect": connect}
	flags := []string{"--listen", addr, "--admin", admin, "--refuse", c.refuse}
	if c.v2 {
		connect["enable_result_batch_v2"] = true
	}
	if c.oauth {
		tokens, ca := startIssuer(t), filepath.Join(scratch(t), "ca.pem")
		flags = append(flags, "--bearer", bearer, "--tls-self-signed", ca)
		maps.Copy(connect, map[string]any{"secure": true, "ssl_cert": ca, "client_id": clientID, "client_secret": clientSecret, "token_url": tokens.token})
		options["stale_token_url"] = tokens.stale
		env = append(env, "SSL_CERT_FILE="+tokens.roots)
	} else {
		maps.Copy(connect, map[string]any{"username": "user@example.com", "password": "token"})
	}
	listens(t, run(t, emulatorProgram(t), flags...), addr)
	return options, env
}
