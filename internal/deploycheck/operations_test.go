package deploycheck

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/store"
)

const operations = "../../docs/operations.md"

var code = regexp.MustCompile("`([^`\n]+)`")

func TestTheQueriesForADeploymentWork(t *testing.T) {
	known := scrape(t, accept["Prometheus 3"])
	checked := 0
	for _, m := range code.FindAllStringSubmatch(string(read(t, operations)), -1) {
		if strings.Contains(m[1], "_client_") {
			parseExpr(t, operations, m[1]).check(t, known)
			checked++
		}
	}
	require.Greater(t, checked, 5)
}

func TestTheEventsOfADeploymentExist(t *testing.T) {
	checked := 0
	for _, m := range regexp.MustCompile("`([a-z]+_[a-z_]+)`").FindAllStringSubmatch(string(read(t, operations)), -1) {
		if !strings.HasPrefix(m[1], "e6_") {
			known := slices.Contains(events.AllChangeKinds(), events.ChangeKind(m[1])) || m[1] == string(store.DrainInFlight)
			require.True(t, known || slices.Contains(events.AllKinds(), events.Kind(m[1])), "%s: %s", operations, m[1])
			checked++
		}
	}
	require.Greater(t, checked, 5)
}

func TestAlerts_TheRunbookOfEachHasSteps(t *testing.T) {
	var want, rows []string
	for _, a := range alerts(t) {
		want = append(want, a.Alert)
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `(E6\\w+)` \\| .{15,} \\|$").FindAllStringSubmatch(string(read(t, operations)), -1) {
		rows = append(rows, m[1])
	}
	require.Equal(t, want, rows, "in the order of the rules")
}
