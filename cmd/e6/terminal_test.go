package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/internal/stress"
)

// terminal is a real terminal, in which a shell runs: tmux.
type terminal struct {
	t      *testing.T
	socket string
}

// newTerminal returns a terminal of 100 columns and 30 lines. Its shell knows the
// command as e6.
func newTerminal(t *testing.T, env ...string) *terminal {
	t.Helper()
	if _, err := exec.LookPath("tmux"); err != nil && os.Getenv("E6_REQUIRE_TMUX") == "" {
		t.Skip("there is no tmux")
	}
	self, err := os.Executable()
	require.NoError(t, err)
	dir := t.TempDir()
	script := fmt.Sprintf("#!/bin/sh\nexec env %s=1 %s \"$@\"\n", asCommand, self)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "e6"), []byte(script), 0o700))
	term := &terminal{t: t, socket: filepath.Join(dir, "tmux")}
	t.Cleanup(func() { _, _ = term.tmux("kill-server") })
	rc := "PS1='$ '\n"
	for _, e := range append(env, "PATH="+dir+string(os.PathListSeparator)+os.Getenv("PATH"), "HOME="+dir,
		"XDG_STATE_HOME="+filepath.Join(dir, "state"), "XDG_CONFIG_HOME="+dir, "LC_ALL=C.UTF-8") {
		name, value, _ := strings.Cut(e, "=")
		rc += fmt.Sprintf("export %s='%s'\n", name, value)
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "rc"), []byte(rc), 0o600))
	out, err := term.tmux("-u", "-f", os.DevNull, "new-session", "-d", "-x", "100", "-y", "30", "/bin/sh")
	require.NoError(t, err, out)
	term.enter(". " + filepath.Join(dir, "rc") + "; clear")
	term.atPrompt()
	return term
}

func (term *terminal) tmux(args ...string) (string, error) {
	out, err := exec.Command("tmux", append([]string{"-S", term.socket}, args...)...).CombinedOutput()
	return string(out), err
}

// enter types a line.
func (term *terminal) enter(line string) {
	term.t.Helper()
	if rest, ok := strings.CutSuffix(line, ";"); ok {
		line = rest + `\;` // at the end it would be tmux's own
	}
	out, err := term.tmux("send-keys", "-l", line)
	require.NoError(term.t, err, out)
	term.press("Enter")
}

// press presses a key, such as C-c.
func (term *terminal) press(key string) {
	term.t.Helper()
	out, err := term.tmux("send-keys", key)
	require.NoError(term.t, err, out)
}

// screen is what can be seen, without empty lines at its end.
func (term *terminal) screen() string {
	out, _ := term.tmux("capture-pane", "-p")
	return strings.TrimRight(out, "\n")
}

// waitFor waits until a text can be seen.
func (term *terminal) waitFor(text string) {
	term.t.Helper()
	term.eventually(fmt.Sprintf("%q", text), func(screen string) bool { return strings.Contains(screen, text) })
}

func (term *terminal) eventually(what string, is func(screen string) bool) {
	term.t.Helper()
	if !assert.Eventually(term.t, func() bool { return is(term.screen()) }, stress.Patience, 20*time.Millisecond) {
		require.FailNow(term.t, "the terminal shows something else", "want %s in:\n%s", what, term.screen())
	}
}

// atPrompt waits until the terminal's shell waits for a line.
func (term *terminal) atPrompt() {
	term.t.Helper()
	term.eventually("$ at its end", func(screen string) bool { return screen == "$" || strings.HasSuffix(screen, "\n$") })
}

// clear takes what can be seen away, so that what is waited for is new.
func (term *terminal) clear() {
	term.t.Helper()
	term.atPrompt()
	term.enter("clear")
	term.eventually("nothing", func(screen string) bool { return screen == "$" })
}

func TestTerminal_Shell(t *testing.T) {
	cluster, flags := start(t)
	term := newTerminal(t)
	begin := func() {
		term.clear()
		term.enter("e6 shell " + strings.Join(flags, " "))
		term.waitFor("demo.sales blue>")
	}
	begin()
	term.enter("SELECT")
	term.enter("  41;")
	term.waitFor("\n 41\n(1 row)")

	term.enter("SELECT sleep(600000);")
	term.waitFor("running on blue")
	term.press("C-c")
	term.waitFor("cancelled")
	requireIdle(t, cluster)
	term.enter("SELECT 42;")
	term.waitFor(" 42\n(1 row)")
	term.press("C-c")
	term.enter(`\q`)

	// Another shell knows what was typed into the first.
	begin()
	term.press("Up")
	term.press("Up")
	term.waitFor("SELECT 42;")
	term.press("Enter")
	term.waitFor(" 42\n(1 row)")
	term.press("C-d")
	term.atPrompt()
	info, err := os.Stat(filepath.Join(filepath.Dir(term.socket), "state", "e6data", "history"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

func TestTerminal_Query(t *testing.T) {
	cluster, flags := start(t)
	term := newTerminal(t, "PAGER=", "LESS=FRSX")
	query := func(sql string) {
		term.clear()
		term.enter(fmt.Sprintf(`e6 query "%s" %s; echo "code $?"`, sql, strings.Join(flags, " ")))
	}
	query("SELECT 1")
	term.waitFor("code 0")
	term.atPrompt()
	require.Contains(t, term.screen(), " n\n---\n 1\n(1 row)\ncode 0\n$", "a short table comes at once")

	query("SELECT sleep(600000)")
	term.waitFor("running on blue")
	term.press("C-c")
	term.waitFor("code 130")
	require.Contains(t, term.screen(), "e6: interrupted\ncode 130")
	requireIdle(t, cluster)
}

func TestTerminal_ALongTableIsShownInThePager(t *testing.T) {
	cluster, flags := start(t, e6test.WithLatency(time.Millisecond))
	dir := t.TempDir()
	pages := filepath.Join(dir, "pages")
	// A pager that leaves after the first page, as less does on q.
	require.NoError(t, os.WriteFile(filepath.Join(dir, "pager"), []byte("#!/bin/sh\nhead -n 3 > "+pages+"\necho paged\n"), 0o700))
	term := newTerminal(t, "PAGER="+filepath.Join(dir, "pager"))
	term.enter(fmt.Sprintf(`e6 query "SELECT * FROM numbers(100000000)" %s; echo "code $?"`, strings.Join(flags, " ")))
	term.waitFor("code 0")
	require.Contains(t, term.screen(), "paged\ncode 0", "leaving the pager is no failure")
	requireIdle(t, cluster)
	text, err := os.ReadFile(pages)
	require.NoError(t, err)
	require.Regexp(t, `^ n +\| text\n-+\+-+\n +0 \| `, string(text))
}

func TestTerminal_Watch(t *testing.T) {
	cluster, flags := start(t)
	term := newTerminal(t)
	term.enter("e6 watch --refresh 50ms --interval 100ms " + strings.Join(flags, " "))
	term.waitFor("settle: detecting => blue")
	require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: fsm.Green, Kind: e6test.Graceful}))
	term.waitFor("=> green")
	settled := regexp.MustCompile(`(?m)^127\.0\.0\.1:\d+ +green +green +0/`)
	term.eventually("the state green", settled.MatchString)
	term.press("q")
	term.atPrompt()
	require.NotContains(t, term.screen(), "q quits", "the screen is as it was")
}

func TestTerminal_TheTokenPromptHasNoEcho(t *testing.T) {
	cluster, flags := start(t, e6test.WithCredentials("me", "planted"))
	term := newTerminal(t)
	query := `e6 query "SELECT 7" ` + flags[0] + " " + flags[1]
	for token, want := range map[string]string{"planted": " 7\n(1 row)", "wrong": "the credentials are rejected"} {
		term.clear()
		term.enter(query)
		term.waitFor("Token of me:")
		term.enter(token)
		term.waitFor(want)
		require.NotContains(t, term.screen(), token)
	}
	term.clear()
	term.enter(query + `; echo "code $?"`)
	term.waitFor("Token of me:")
	term.press("C-c")
	term.waitFor("e6: interrupted\ncode 130")
	term.atPrompt()
	term.enter("echo visible") // the terminal has its echo again
	term.waitFor("$ echo visible\nvisible")

	term.clear()
	term.enter("e6 cluster suspend " + strings.Join(flags, " "))
	term.waitFor("for all its users? [y/N]")
	term.enter("n")
	term.waitFor("not confirmed")
	term.clear()
	term.enter("e6 cluster suspend " + strings.Join(flags, " "))
	term.waitFor("for all its users? [y/N]")
	term.enter("y")
	term.waitFor("suspended")
	require.Equal(t, 1, cluster.Stats().Calls["suspend"])
}

// record writes everything that reaches the terminal from now on to a file. The function
// that it returns waits until a text is there, as tmux writes to its screen first, and
// returns everything.
func (term *terminal) record() (written func(until string) string) {
	term.t.Helper()
	path := filepath.Join(term.t.TempDir(), "written")
	out, err := term.tmux("pipe-pane", "cat > "+path)
	require.NoError(term.t, err, out)
	return func(until string) string {
		term.t.Helper()
		var text []byte
		assert.Eventually(term.t, func() bool {
			text, _ = os.ReadFile(path) // the file appears once cat runs
			return strings.Contains(string(text), until)
		}, stress.Patience, 20*time.Millisecond)
		require.Contains(term.t, string(text), until)
		return string(text)
	}
}

func TestTerminal_ADumbOneGetsNoEscapeSequences(t *testing.T) {
	_, flags := start(t)
	term := newTerminal(t, "PAGER=less")
	written := term.record()
	for i, c := range []struct{ args, shows string }{
		{`query "SELECT sleep(700)"`, "(1 row)"},
		{`query "SELECT * FROM numbers(60)"`, "(60 rows)"}, // too long for the terminal
		{`query "SELEC"`, "syntax error"},
		{`fleet`, "which store"},
	} {
		term.enter(fmt.Sprintf(`TERM=dumb e6 %s %s; echo "end %d"`, c.args, strings.Join(flags, " "), i))
		require.Contains(t, written(fmt.Sprintf("\nend %d", i)), c.shows)
	}
	term.enter("TERM=dumb e6 watch --refresh 50ms " + strings.Join(flags, " "))
	term.waitFor("settle: detecting => blue")
	term.press("C-c")
	term.atPrompt()
	term.enter("TERM=dumb e6 shell " + strings.Join(flags, " "))
	term.waitFor("demo.sales blue>")
	term.enter("SELECT sleep(701);")
	term.waitFor("\n slept")
	term.enter(`\q`)
	term.atPrompt()
	term.enter(`echo "code $?"`)
	require.NotContains(t, written("\ncode 0"), "\x1b")
}

func TestTerminal_NoColorMeansNeitherColoursNorStyles(t *testing.T) {
	cluster, flags := start(t)
	term := newTerminal(t, "NO_COLOR=yes")
	written := term.record()
	term.enter(`e6 query "SELECT sleep(600000)" ` + strings.Join(flags, " "))
	term.waitFor("running on blue")
	term.press("C-c")
	require.NotContains(t, written("e6: interrupted"), "\x1b")
	term.enter("e6 watch --refresh 50ms --interval 100ms " + strings.Join(flags, " "))
	term.waitFor("settle: detecting => blue")
	require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: fsm.Green, Kind: e6test.Graceful}))
	term.waitFor("=> green")
	term.press("q")
	term.atPrompt()
	term.enter(`echo "code $?"`)
	require.NotRegexp(t, `\x1b\[[0-9;:]+m`, written("\ncode 0"))
}

func TestTerminal_ASignalEndsAShellThatWaitsForAStatement(t *testing.T) {
	_, flags := start(t)
	term := newTerminal(t)
	pid := filepath.Join(t.TempDir(), "pid")
	term.enter("sh -c 'echo $$ > " + pid + "; exec e6 shell " + strings.Join(flags, " ") + `'; echo "code $?"`)
	term.waitFor("demo.sales blue>")
	text, err := os.ReadFile(pid)
	require.NoError(t, err)
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(n, syscall.SIGTERM))
	term.waitFor("code 130")
}
