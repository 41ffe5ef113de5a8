package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
)

// suites are the tests of the connector that need a server. They come from its source packages,
// and are no part of this repository.
var suites = []struct {
	name, environment, source string
	tests                     []string
	oauth                     bool
	// atFault states which tests fail or cannot run, and what outside this project is the cause.
	atFault map[string]string
}{
	{name: "Python connector", environment: "venv", source: "e6data_python_connector-3.0.2",
		tests: []string{"test/tests_grpc.py", "test/tests.py", "test/test_connection_pool_e2e.py"}, atFault: loginFaults},
	{name: "Python connector, OAuth", environment: "venv", source: "e6data_python_connector-3.0.2",
		tests: []string{"test/integration"}, oauth: true, atFault: oauthFaults},
	{name: "Python connector, old", environment: "venv-old", source: "e6data_python_connector-2.3.15",
		tests: []string{"test/tests_grpc.py", "test/tests.py", "test/test_connection_pool_e2e.py"}, atFault: loginFaults},
}

var loginFaults = map[string]string{
	"tests.py::TestE6X::test_query_5_caches":                                                "the test calls `set_or_update_caches`, which the connector does not have",
	"test_connection_pool_e2e.py::TestConnectionPoolE2E::test_connection_reuse_same_thread": "the pool of the connector gives one thread two connections",
	"test_connection_pool_e2e.py::TestConnectionPoolE2E::test_context_manager":              "the pool of the connector counts a connection that another test has returned",
	"test_connection_pool_e2e.py::TestConnectionPoolE2E::test_pool_exhaustion_and_recovery": "the pool of the connector gives one thread its connection again and again, and is never exhausted",
}

var oauthFaults = map[string]string{
	"integration/test_result_batch_v2.py::test_real_result_batch_sqlalchemy[False]": noCatalog,
	"integration/test_result_batch_v2.py::test_real_result_batch_sqlalchemy[True]":  noCatalog,
}

const noCatalog = "the connector's dialect wants the catalog in the URL, where the test does not have it"

// A suiteVerdict is a line of testdata/verdicts.py.
type suiteVerdict struct{ Test, Outcome, Reason string }

func TestConnectorsOwnTests(t *testing.T) {
	enabled(t)
	if !hasPython() {
		t.Skip("without Python the connector cannot be installed")
	}
	t.Parallel()
	for _, s := range suites {
		t.Run(s.name, func(t *testing.T) {
			root, err := filepath.Abs(filepath.Dir(installed))
			require.NoError(t, err)
			setVersion(s.name, strings.TrimPrefix(s.source, "e6data_python_connector-"))
			ctx, cancel := context.WithTimeout(t.Context(), 5*patience)
			defer cancel()
			args, env := suiteServer(t, ctx, s.oauth)
			testdata, err := filepath.Abs("testdata")
			require.NoError(t, err)
			args = append([]string{"-m", "pytest", "-q", "--timeout", "60", "-p", "no:cacheprovider", "-p", "verdicts"}, args...)
			tests := command(ctx, filepath.Join(root, s.environment, "bin", "python"), append(args, s.tests...)...)
			tests.Dir = filepath.Join(root, s.source)
			tests.Env = append(append(os.Environ(), "PYTHONPATH="+testdata, "PYTHONDONTWRITEBYTECODE=1"), env...)
			var warnings bytes.Buffer
			tests.Stderr = &warnings
			out, err := output(t, tests)
			if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 1 {
				require.NoError(t, err, "%s\n%s", tail(string(out), 4000), tail(warnings.String(), 4000))
			}
			seen := 0
			for line := range bytes.Lines(out) {
				_, text, found := bytes.Cut(line, []byte("VERDICT "))
				if !found {
					continue
				}
				seen++
				var v suiteVerdict
				require.NoError(t, json.Unmarshal(text, &v))
				v.Test = strings.TrimPrefix(v.Test, "test/")
				t.Run(v.Test, func(t *testing.T) { v.check(t, record(t, "own tests", v.Test, s.name), s.atFault[v.Test]) })
			}
			require.Greater(t, seen, 25, "%s", tail(string(out), 4000))
		})
	}
}

// check compares a verdict with the expected one: a failure needs a cause outside this project, and
// a cause needs a failure.
func (v suiteVerdict) check(t *testing.T, r *result, cause string) {
	switch {
	case cause != "":
		require.Equal(t, "failed", v.Outcome, "the test does not fail any more")
		r.Failed = cause
	case v.Outcome != "passed":
		r.fail(v.Reason)
		require.Equal(t, "passed", v.Outcome, v.Reason)
	}
}

// suiteServer starts an emulator with what the tests of the connector expect, and returns their
// arguments and environment.
func suiteServer(t *testing.T, ctx context.Context, oauth bool) (args, env []string) {
	dir := scratch(t)
	addr := freeAddr(t)
	flags := []string{"--listen", addr, "--admin", ""}
	cfg := config(addr)
	cfg.Catalog, cfg.Schema = "demo", "sales"
	host, port, err := net.SplitHostPort(addr)
	require.NoError(t, err)
	if oauth {
		// Over OAuth the connector recognises a refusal in the form of Envoy alone.
		ca, tokens := filepath.Join(dir, "ca.pem"), startIssuer(t)
		listens(t, run(t, emulatorProgram(t), append(flags, "--refuse", "grpc", "--bearer", bearer, "--tls-self-signed", ca)...), addr)
		const query = "SELECT customer_id, name FROM customers ORDER BY customer_id LIMIT 5"
		var rows [][]any
		for i := range 5 {
			rows = append(rows, []any{i + 1, fmt.Sprintf("Customer %05d", i+1)})
		}
		text, err := json.Marshal(map[string]any{
			"target_id": "emulator", "package_id": "connector", "schema_name": "sales", "read_only_sql": query, "expected_rows": rows,
			"result_batch_v2": map[string]any{"expected_protocol": "v2", "ordered_results": true},
			"connection_kwargs": map[string]any{"host": host, "port": json.Number(port), "secure": true, "ssl_cert": ca,
				"client_id": map[string]string{"env": "E6_SUITE_ID"}, "client_secret": map[string]string{"env": "E6_SUITE_SECRET"},
				"token_url": tokens.token, "catalog": "demo", "database": "sales"},
		})
		require.NoError(t, err)
		path := filepath.Join(dir, "config.json")
		require.NoError(t, os.WriteFile(path, text, 0o644))
		return []string{"--integration-config", path}, []string{"E6_SUITE_ID=" + clientID, "E6_SUITE_SECRET=" + clientSecret, "SSL_CERT_FILE=" + tokens.roots, "E6_ASYNC_RESUME_AUTHORIZED=1"}
	}
	listens(t, run(t, emulatorProgram(t), flags...), addr)
	client, err := e6.Open(ctx, cfg)
	require.NoError(t, err)
	defer client.Close()
	require.NoError(t, client.Exec(ctx, "CREATE TABLE date_dim AS SELECT i AS d_date_sk, date_add('day', i, DATE '1900-01-02') AS d_date FROM range(1000) t(i)"))
	queries := filepath.Join(dir, "queries.csv")
	require.NoError(t, os.WriteFile(queries, []byte("QUERY_ID,QUERY\n1,SELECT 1\n2,SELECT count(*) FROM orders\n"), 0o644))
	return nil, []string{
		"ENGINE_IP=" + host, "PORT=" + port, "DB_NAME=sales", "CATALOG=demo", "EMAIL=user@example.com", "PASSWORD=token", "QUERY_PATH=" + queries,
		"E6DATA_HOST=" + host, "E6DATA_PORT=" + port, "E6DATA_USERNAME=user@example.com", "E6DATA_PASSWORD=token",
		"E6DATA_DATABASE=sales", "E6DATA_CATALOG=demo", "E6DATA_SECURE=false",
	}
}
