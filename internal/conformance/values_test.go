package conformance

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
)

// always states in which cases the values of every connector differ from ours.
var always = map[string]string{
	"query: decimals":                    "the connector drops the trailing zeros of a decimal: 12.5 for 12.50",
	"query: decimal of 38 digits":        "the connector rounds decimals to 28 digits",
	"query: timestamp with microseconds": "the connector drops microseconds",
	"query: every type": "the connector rounds decimals to 28 digits, drops microseconds, and makes a text of a binary value, " +
		"in which bytes that are no UTF-8 are lost",
}

// connectorValues are what the cases without SQL give.
var connectorValues = map[string]string{
	"connect":                         `[["True"]]`,
	"fetchmany":                       `[["5000","True"]]`,
	"fetchall after fetchmany":        `[["10","4990"]]`,
	"schemas":                         `[["main","sales"]]`,
	"explain":                         `[["True"]]`,
	"explain analyse":                 `[["is_cached","parsing_time","planner","queuing_time"]]`,
	"status":                          `[["True","1"]]`,
	"dry run":                         `[["valid: (1 int)"]]`,
	"cancel":                          `[["_InactiveRpcError: StatusCode.CANCELLED the query was cancelled"]]`,
	"tables":                          `[["customers","orders","products","returns","types"]]`,
	"columns":                         `[["customer_id","long"],["name","string"],["country","string"],["credit_limit","decimal(12,2)"],["created_on","date"]]`,
	"catalogs":                        `[["demo","true"]]`,
	"pool":                            `[["0","1","2","3","4","5","6","7"]]`,
	"auto-resume, a new connection":   `[["1"]]`,
	"auto-resume, an open connection": `[["1"]]`,
	// The connector's fetchone returns a list of one row, which SQLAlchemy takes for the row.
	"SQLAlchemy":                             `[["[1, 'Customer 00001']"],["[2, 'Customer 00002']"],["[3, 'Customer 00003']"]]`,
	"a rejected token":                       `[["1"]]`,
	"a wrong client secret":                  `[["OAuthError: OAuth invalid_client or scope rejected; check client_id and client_secret."]]`,
	"a graceful cutover, an open connection": `[["1"],["2"]]`,
	"green active, a new connection":         `[["1"]]`,
	"an abrupt cutover, an open connection":  `[["2"]]`,
}

// connectors are what the emulator is tested with.
var connectors = []connector{
	{name: "Python connector", environment: "venv", api: "sync", refuse: "http",
		wrong: map[string]string{"fetchall after fetchmany": begun},
		fails: map[string]string{"auto-resume, an open connection": atLogin}},
	{name: "Python connector, async", environment: "venv", api: "async", refuse: "grpc", values: asyncValues,
		lacks: map[string]string{"catalogs": noCatalogs},
		fails: map[string]string{"auto-resume, a new connection": "the asynchronous connector resumes a cluster that refuses prepareStatement, and not one that refuses a login"}},
	{name: "Python connector, V2 batches", environment: "venv", api: "sync", refuse: "http", v2: true,
		fails: map[string]string{"auto-resume, an open connection": atLogin,
			"a graceful cutover, an open connection": "the connector closes the connection for a login on the announced side, and with V2 batches a closed connection is not opened again",
			"an abrupt cutover, an open connection":  "with V2 batches the connector does not log in again after a refusal: every further query fails"}},
	{name: "Python connector, OAuth", environment: "venv", api: "sync", refuse: "grpc", oauth: true},
	{name: "Python connector, async OAuth", environment: "venv", api: "async", refuse: "grpc", oauth: true, v2: true, values: asyncValues,
		lacks: map[string]string{"catalogs": noCatalogs}},
	{name: "Python connector, old", environment: "venv-old", api: "sync", refuse: "http",
		wrong: map[string]string{"fetchall after fetchmany": begun,
			"query: timestamp before 1970": "the connector gets times of day before 1970 wrong: 1969-12-30T36:00 for 1969-12-31T12:00"},
		fails: map[string]string{"auto-resume, an open connection": atLogin},
		lacks: map[string]string{"catalogs": "version 2 has no get_catalogs", "cancel": "version 2 does not show the id of a running query"}},
}

const (
	begun      = "the connector drops the rows of the batch that was begun"
	atLogin    = "the connector resumes a cluster that refuses a login, and not one that refuses another call"
	noCatalogs = "the asynchronous API has no get_catalogs"
)

// asyncValues are those of the asynchronous API.
var asyncValues = map[string]string{
	"cancel":                `[["OperationalError: StatusCode.CANCELLED the query was cancelled"]]`,
	"a wrong client secret": `[["OAuthError: OAuth token endpoint rejected the request."]]`,
	"SQLAlchemy":            `[["1","Customer 00001"],["2","Customer 00002"],["3","Customer 00003"]]`,
}

// check compares the values of a case.
func (j judgement) check(t *testing.T, ctx context.Context, client *e6.Client, r *result, c connector) {
	if cause := c.fails[j.Case]; cause != "" {
		require.NotEmpty(t, j.Error, "the case does not fail any more")
		r.Failed = cause
		return
	}
	if j.Error != "" {
		r.fail(j.Error)
		require.Empty(t, j.Error)
	}
	got, err := json.Marshal(j.Values)
	require.NoError(t, err)
	want := cmp.Or(c.values[j.Case], connectorValues[j.Case])
	if j.SQL != "" {
		want = ours(t, ctx, client, j.SQL)
	}
	if wrong := cmp.Or(c.wrong[j.Case], always[j.Case]); wrong != "" {
		r.Note = "the values differ, and ours are right: " + wrong
		require.NotEqual(t, want, string(got), "the values do not differ any more")
		return
	}
	if want != string(got) {
		r.fail(fmt.Sprintf("the connector has %.200s, and not %.200s", got, want))
	}
	require.Equal(t, want, string(got))
	if j.Case == "SQLAlchemy" && strings.Contains(want, "[1, ") {
		r.Note = "each row has one value, a list: the connector's `fetchone` returns a list of one row"
	}
}

// ours are the values that our client reads, in the form of the script.
func ours(t *testing.T, ctx context.Context, client *e6.Client, sql string) string {
	result, err := client.QueryAll(ctx, sql)
	require.NoError(t, err)
	rows := [][]*string{}
	for row := range result.Rows() {
		var values []*string
		for _, v := range row {
			values = append(values, asText(v))
		}
		rows = append(rows, values)
	}
	text, err := json.Marshal(rows)
	require.NoError(t, err)
	return string(text)
}

// asText writes a value as the connector does, without its losses.
func asText(v any) *string {
	var s string
	switch v := v.(type) {
	case nil:
		return nil
	case float32:
		s = strconv.FormatFloat(float64(v), 'g', -1, 32)
	case float64:
		s = strconv.FormatFloat(v, 'g', -1, 64)
	default:
		s = fmt.Sprint(v)
		if micros, ok := strings.CutSuffix(s, "Z"); ok && strings.Contains(s, "T") { // a time
			s = strings.TrimSuffix(micros, "000") + "+00:00" // three digits suffice
		}
	}
	return &s
}
