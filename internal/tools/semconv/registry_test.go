package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// checkout is a small registry in the two forms that the conventions use.
var checkout = map[string]string{
	"schemas/9.1.0": "",
	"model/db/registry.yaml": `
groups:
  - id: registry.db
    type: attribute_group
    attributes:
      - {id: db.thing, type: string, stability: stable}
      - id: db.state
        type: {members: [{id: one, value: "one"}, {id: two, value: "two"}]}
        stability: development
`,
	"model/server/registry.yaml": `
file_format: definition/2
attributes:
  - {key: server.port, type: int, stability: stable}
`,
	"model/http/registry.yaml": "not read: [",
	"model/db/spans.yaml": `
groups:
  - id: base
    type: attribute_group
    attributes:
      - {ref: db.thing, sampling_relevant: true}
      - {ref: server.port, requirement_level: {conditionally_required: if it is known}}
  - {id: span.db.client, type: span, span_kind: client, stability: stable, extends: base, attributes: [{ref: db.state, requirement_level: opt_in}]}
  - {id: span.db.sql.client, type: span, span_kind: client, stability: stable, extends: base, attributes: [{ref: db.thing, requirement_level: required}]}
  - {id: m, type: metric, metric_name: db.client.m, instrument: histogram, unit: s, stability: stable,
     annotations: {code_generation: {metric_value_type: double}}, attributes: [{ref: db.thing}]}
  - {id: old, type: metric, metric_name: db.client.old, deprecated: {reason: renamed}}
`,
	"docs/db/database-metrics.md": "# Metrics\n\n### Metric: `db.client.m`\n\nThe [`ExplicitBucketBoundaries` parameter](x) of `[ 0.5, 1, 10 ]`.\n",
}

func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	return dir
}

func TestRun_WritesTheConventionsOfACheckout(t *testing.T) {
	out := filepath.Join(t.TempDir(), "facts.json")
	require.NoError(t, run("9.1.0", out, []string{write(t, checkout)}))
	text, err := os.ReadFile(out)
	require.NoError(t, err)
	var got Conventions
	require.NoError(t, json.Unmarshal(text, &got))
	require.Equal(t, Conventions{
		Version: "9.1.0",
		Attributes: map[string]Attribute{
			"db.thing": {Type: "string", Stability: "stable"}, "server.port": {Type: "int", Stability: "stable"},
			"db.state": {Type: "string", Stability: "development", Values: []string{"one", "two"}},
		},
		Span: Span{Kind: "client", Stability: "stable", AtStart: []string{"db.thing"}, Attributes: map[string]string{
			"db.thing": "required", "server.port": "conditionally_required", "db.state": "opt_in",
		}},
		Metrics: map[string]Metric{"db.client.m": {
			Instrument: "histogram", Unit: "s", Value: "double", Stability: "stable", Buckets: []float64{0.5, 1, 10},
			Attributes: map[string]string{"db.thing": "recommended"},
		}},
	}, got)
}

func TestRun_RefusesACheckoutOfAnotherVersion(t *testing.T) {
	out := filepath.Join(t.TempDir(), "facts.json")
	dir := write(t, checkout)
	require.ErrorContains(t, run("9.2.0", out, []string{dir}), "check out the tag")
	require.ErrorContains(t, run("9.1.0", out, nil), "want -version")
	require.NoError(t, os.Remove(filepath.Join(dir, "model/db/registry.yaml")))
	require.ErrorContains(t, run("9.1.0", out, []string{dir}), "does not define the attribute")
	require.NoError(t, os.Remove(filepath.Join(dir, "model/db/spans.yaml")))
	require.ErrorContains(t, run("9.1.0", out, []string{dir}), "no group")
	require.NoFileExists(t, out)
}
