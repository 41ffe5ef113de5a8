package wire

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/e6data/e6data-go/e6/fsm"
)

// outcomeRows is the table as docs/rules.md has it, one line for each class.
func outcomeRows() string {
	var b strings.Builder
	b.WriteString("| class | repeated | probe | resume | new session | health | shows that the side | as an authentication | reason in events |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|---|\n")
	mark := func(set bool) string {
		if set {
			return "yes"
		}
		return ""
	}
	for _, row := range table[1:] {
		var repeated []string
		for _, r := range []struct {
			set  bool
			name string
		}{{row.RetryCall, "call"}, {row.StartOver, "start over"}, {row.Replay, "replay"}, {row.Free, "costs no attempt"}} {
			if r.set {
				repeated = append(repeated, r.name)
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s | %s | `%s` |\n", row.Text, strings.Join(repeated, ", "),
			mark(row.Probe), mark(row.Resume), mark(row.Renew), row.Health, row.Verdict, row.Login, row.Reason)
	}
	return b.String()
}

func TestOutcome_TableIsInTheDocument(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "rules.md"))
	require.NoError(t, err)
	_, after, ok := strings.Cut(string(text), "<!-- outcomes:begin -->\n")
	require.True(t, ok)
	shown, _, ok := strings.Cut(after, "<!-- outcomes:end -->")
	require.True(t, ok)
	require.Equal(t, outcomeRows(), shown, "docs/rules.md is to be:\n%s", outcomeRows())
}

func TestOutcome_EveryClassHasAConsistentRow(t *testing.T) {
	texts := map[string]bool{}
	for class := Class(1); int(class) < len(table); class++ {
		row := table[class]
		t.Run(row.Text, func(t *testing.T) {
			require.Equal(t, row.Text, class.String())
			require.NotEmpty(t, row.Text)
			require.False(t, texts[row.Text], "two classes have this text")
			texts[row.Text] = true
			require.NotEmpty(t, row.Reason)
			require.False(t, row.Answer && (row.RetryCall || row.StartOver || row.Replay), "an answer comes again")
			require.False(t, row.Free && row.Health != HealthIgnored, "a call without effect does not count in the health")
			require.False(t, row.Free && !row.StartOver, "nothing is free that is not repeated")
			require.Equal(t, row.Health == HealthFailed, row.Probe && !row.Free && !row.Answer, "a failure of the stack is looked into")
			require.False(t, row.Verdict == VerdictDenied, "only a login shows that the credentials are wrong")
		})
	}
	require.Equal(t, "Class(0)", classNone.String())
	require.Equal(t, "Class(99)", Class(99).String())
}

func TestOutcome_WithoutAFailedCallIsZero(t *testing.T) {
	for _, err := range []error{nil, fmt.Errorf("anything"), status.Error(codes.Unavailable, "")} {
		require.Equal(t, Outcome{}, OutcomeOf(err))
		require.False(t, OutcomeOf(err).Failed())
	}
	call := &Error{Class: ClassWrongSide, Effect: EffectNone, Side: fsm.Blue, Err: status.Error(codes.Unknown, "")}
	o := OutcomeOf(fmt.Errorf("around: %w", call))
	require.True(t, o.Failed() && o.StartOver)
	require.Equal(t, EffectNone, o.Effect)
	require.Equal(t, Outcome{Class: 99}, (&Error{Class: 99, Err: fmt.Errorf("x")}).Outcome())
}
