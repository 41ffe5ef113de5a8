package e6_test

import (
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/internal/bubbles"
)

// A symptom is a heading of docs/troubleshooting.md and a reproduction of its problem. The
// reproduction checks the observations that the document describes.
type symptom struct {
	heading   string
	reproduce func(*testing.T)
}

// symptoms are in the order of the document.
var symptoms = []symptom{
	{"The configuration is refused", theConfigurationIsRefused},
	{"Wrong credentials", wrongCredentials},
	{"TLS or the CA is wrong", theCAIsWrong},
	{"A detection fails", aDetectionFails},
	{"Queries wait during a cutover", queriesWait},
	{"Statements wait for their turn", statementsWait},
	{"Statements wait for a planner", statementsWaitForAPlanner},
	{"Calls wait for a stream", callsWaitForAStream},
	{"The announced side never becomes ready", theAnnouncedSideIsNeverReady},
	{"An announcement is not followed", anAnnouncementIsNotFollowed},
	{"An unknown side is announced", anUnknownSideIsAnnounced},
	{"A guard vetoes", aGuardVetoes},
	{"A cutover takes longer than its limit", aCutoverIsLong},
	{"The drain deadline passes", theDrainDeadlinePasses},
	{"Two clients use different sides", twoClientsDiffer},
	{"Refusals (456)", refusalsRise},
	{"Replays rise", replaysRise},
	{"Lost queries", aStreamIsLost},
	{"A write has an unknown outcome", aWriteIsUnknown},
	{"A query is left behind", aQueryIsLeftBehind},
	{"A connection ends with too_many_pings", pingsAreLimited},
	{"The ingress does not know 456", theIngressIsStrange},
	{"A rollback happened", aRollbackHappened},
	{"The client stays in cool-down", theClientCoolsDown},
	{"A sick side is not left", aSickSideIsNotLeft},
	{"The cluster is suspended", theClusterIsSuspended},
	{"Sessions expire", sessionsExpire},
	{"A hook fails", aHookFails},
	{"Events were dropped", eventsWereDropped},
	{"The store fails", theStoreFails},
	{"A message is too large", aMessageIsTooLarge},
	{"The client is closed", theClientIsClosed},
}

func TestSymptoms(t *testing.T) {
	for _, s := range symptoms {
		t.Run(s.heading, func(t *testing.T) {
			if s.heading == "TLS or the CA is wrong" { // a handshake needs a socket
				s.reproduce(t)
				return
			}
			bubbles.Test(t, s.reproduce)
		})
	}
}

func TestEverySymptomOfTheDocumentIsReproduced(t *testing.T) {
	var headings, reproduced []string
	for _, m := range regexp.MustCompile(`(?m)^## (.+)$`).FindAllStringSubmatch(document(t, "troubleshooting.md"), -1) {
		headings = append(headings, m[1])
	}
	for _, s := range symptoms {
		reproduced = append(reproduced, s.heading)
	}
	require.Equal(t, reproduced, headings)

	alerts, err := os.ReadFile(filepath.Join("..", "deploy", "prometheus", "alerts.yml"))
	require.NoError(t, err)
	var anchors []string
	for _, heading := range headings {
		anchor := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '(' || r == ')':
				return -1
			}
			return unicode.ToLower(r)
		}, heading)
		anchors = append(anchors, anchor)
	}
	for _, m := range regexp.MustCompile(`troubleshooting\.md#(\S+)`).FindAllStringSubmatch(string(alerts), -1) {
		require.Contains(t, anchors, m[1], "an alert points there")
	}
}

// testSources returns the functions of the files, by name, each with the source of the
// function. A test over a table that is a variable of the file has the source of the file.
func testSources(t *testing.T, patterns ...string) map[string]string {
	all := map[string]string{}
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.NotEmpty(t, files, pattern)
		for _, file := range files {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			for _, function := range strings.Split("\n"+string(text), "\nfunc ")[1:] {
				name, _, _ := strings.Cut(function, "(")
				all[name] = function
				if strings.Contains(function, "t.Run(s.heading") {
					all[name] += string(text) // its table is a variable of the file
				}
			}
		}
	}
	return all
}

// hasSubtest reports whether a string of the source is the name of the subtest, which has
// underscores in place of spaces.
func hasSubtest(source, name string) bool {
	return slices.ContainsFunc(regexp.MustCompile(`"[^"\n]+"`).FindAllString(source, -1), func(text string) bool {
		return strings.ReplaceAll(strings.Trim(text, `"`), " ", "_") == name
	})
}

func TestDocuments_NamesExist(t *testing.T) {
	names := func(text, pattern string) (found []string) {
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
			found = append(found, m[1])
		}
		require.NotEmpty(t, found, pattern)
		return found
	}
	rules, trouble := document(t, "rules.md"), document(t, "troubleshooting.md")
	tests := testSources(t, "*_test.go", "internal/*/*_test.go", "../internal/sqltext/*_test.go", "events/*_test.go", "fsm/*_test.go")
	var missing []string
	rows := map[string]int{} // how many rows name a test without a subtest
	for _, row := range strings.Split(rules, "\n") {
		for _, m := range regexp.MustCompile("`(Test[A-Za-z0-9_]+)(?:/([^`]+))?`").FindAllStringSubmatch(row, -1) {
			source, exists := tests[m[1]]
			switch {
			case !exists || m[2] != "" && !hasSubtest(source, m[2]):
				missing = append(missing, m[0])
			case m[2] == "" && strings.Contains(source, "t.Run("):
				rows[m[1]]++
			}
		}
	}
	require.NotEmpty(t, rows)
	maps.DeleteFunc(rows, func(_ string, n int) bool { return n <= 2 })
	require.Empty(t, rows, "more than two places of rules.md name one of these tests: each names its subtest")
	require.Empty(t, missing, "rules.md names tests that there are not")
	for _, field := range names(rules+trouble, "`Config\\.([A-Za-z]+)") {
		_, ok := reflect.TypeFor[e6.Config]().FieldByName(field)
		require.True(t, ok, "Config.%s", field)
	}
	for _, field := range names(rules+trouble, "`RollbackPolicy\\.([A-Za-z]+)") {
		_, ok := reflect.TypeFor[e6.RollbackPolicy]().FieldByName(field)
		require.True(t, ok, "RollbackPolicy.%s", field)
	}
	for _, field := range names(rules+trouble, "`FleetPolicy\\.([A-Za-z]+)") {
		_, ok := reflect.TypeFor[e6.FleetPolicy]().FieldByName(field)
		require.True(t, ok, "FleetPolicy.%s", field)
	}
	for _, kind := range names(trouble, "[Ee]vent\\s+`([a-z_]+)") {
		if kind != "x" { // it stands for any
			require.Contains(t, events.AllKinds(), events.Kind(kind))
		}
	}
	metrics, err := os.ReadFile(filepath.Join("otel", "metrics.go"))
	require.NoError(t, err)
	for _, metric := range names(trouble, "`(e6\\.client\\.[a-z_.]+)") {
		require.Contains(t, string(metrics), `"`+metric+`"`)
	}
}

func document(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "docs", name))
	require.NoError(t, err)
	return string(text)
}

// patient opens a client with the default pauses. The configuration may be
// changed first.
func patient(t *testing.T, cluster *e6test.Cluster, change func(*e6.Config), opts ...e6.Option) *e6.Client {
	t.Helper()
	cfg := config(cluster)
	defaults(&cfg)
	if change != nil {
		change(&cfg)
	}
	client, err := e6.Open(t.Context(), cfg, append(opts, e6.WithDialer(cluster.Dialer()))...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return client
}

// ailing is patient with a cluster of its own, whose batches are small.
func ailing(t *testing.T, opts ...e6.Option) (*e6test.Cluster, *e6.Client) {
	t.Helper()
	cluster := start(t, e6test.InMemory(), e6test.WithBatchRows(10), e6test.WithChunks(1))
	return cluster, patient(t, cluster, nil, opts...)
}

// moveTo opens a side and announces it to the client.
func moveTo(t *testing.T, cluster *e6test.Cluster, client *e6.Client, side e6.Side) {
	t.Helper()
	cluster.OpenSide(side)
	cluster.Announce(side)
	answer(t, client)
	synctest.Wait()
}

// held begins a stream on the active side and reads one row of it.
func held(t *testing.T, client *e6.Client) *e6.Rows {
	t.Helper()
	rows, err := client.Query(tagged(t.Context(), "export"), "SELECT * FROM numbers(5000)")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, rows.Close()) })
	require.True(t, rows.Next())
	return rows
}

// loudest is the event of one kind that a log shows most clearly.
func loudest(client *e6.Client, kind events.Kind) (level slog.Level) {
	synctest.Wait()
	level = slog.LevelDebug
	for _, e := range client.History() {
		if e.Kind() == kind {
			level = max(level, e.Level())
		}
	}
	return level
}
