package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/cmd/e6/internal/output"
	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/internal/stress"
)

func TestQuery_PrintsEachFormat(t *testing.T) {
	_, flags := start(t)
	for _, format := range output.Texts() {
		t.Run(format, func(t *testing.T) {
			got := command(t, append([]string{"query", "SELECT * FROM everything(4); SELECT * FROM numbers(0)", "--format", format}, flags...)...)
			require.Equal(t, result{got.out, "", 0}, got)
			requireGolden(t, "query."+format, got.out)
		})
	}
}

func TestQuery_WithoutATerminalPrintsCSV(t *testing.T) {
	_, flags := start(t)
	rows := func(from, to int) (text string) {
		for i := from; i < to; i++ {
			text += fmt.Sprintf("%d,%s\n", i, e6test.NumbersText(i))
		}
		return text
	}
	got := command(t, append([]string{"query", "SELECT * FROM numbers(3)"}, flags...)...)
	require.Equal(t, result{out: "n,text\n" + rows(0, 3)}, got)
	got = command(t, append([]string{"query", "SELECT * FROM numbers(3)", "--no-header", "--max-rows", "2"}, flags...)...)
	require.Equal(t, result{out: rows(0, 2)}, got)
	got = command(t, append([]string{"query", "SELECT * FROM numbers(3)", "--format", "table", "--max-rows", "1"}, flags...)...)
	require.Contains(t, got.out, "(first 1 row, there are more)\n")
}

func TestStatementsComeFromTheInputOrAFile(t *testing.T) {
	_, flags := start(t)
	dir := t.TempDir()
	path, into := filepath.Join(dir, "report.sql"), filepath.Join(dir, "result")
	require.NoError(t, os.WriteFile(path, []byte("SELECT 1;\n\nSELECT 2"), 0o600))
	const script, want = "SELECT 1;SELECT 2;", "1\n2\n"
	query := func(in string, args ...string) result {
		return commandWith(t, strings.NewReader(in), append(append([]string{"query", "--no-header"}, args...), flags...)...)
	}
	require.Equal(t, result{out: want}, query(script, script))
	require.Equal(t, result{out: want}, query("", "-f", path))
	require.Equal(t, result{out: want}, query(script))
	require.Equal(t, result{out: want}, query(script, "-"))
	require.Equal(t, result{out: want}, query(script, "-f", "-"))
	require.Equal(t, result{}, query("", "-f", path, "-o", into))
	text, err := os.ReadFile(into)
	require.NoError(t, err)
	require.Equal(t, want, string(text))
}

func TestValuesAreBoundWithTheirTypes(t *testing.T) {
	for text, want := range map[string]any{
		"5": int64(5), "-5": int64(-5), "true": true, "false": false, "null": nil, "x": "x", "": "", "007": "007", "NaN": "NaN",
		`"5"`: "5", `"a\"b"`: `a"b`, `"open`: `"open`, "1e3": 1000.0, "+5": "+5", "2026-02-12": "2026-02-12", " 5": " 5",
	} {
		require.Equal(t, want, parameter(text), "%q", text)
	}
	require.Equal(t, "12345678901234567890.10", parameter("12345678901234567890.10").(interface{ String() string }).String(), "no digit is lost")

	_, flags := start(t)
	for _, args := range [][]string{{"SELECT ?", "--arg", "5"}, {"SELECT :n", "--param", "n=5"}, {"SELECT @n", "--param", ":n=5"}} {
		require.Equal(t, result{out: "5\n"}, command(t, slices.Concat([]string{"query", "--no-header"}, args, flags)...))
	}
}

func TestExitCode_DependsOnTheError(t *testing.T) {
	cluster, flags := start(t)
	query := func(args ...string) result {
		return command(t, append(append([]string{"query"}, args...), flags...)...)
	}
	for name, c := range map[string]struct {
		args []string
		code int
		text string
	}{
		"the statement is wrong":    {[]string{"SELEC"}, exitStatement, "e6: "},
		"the statement fails":       {[]string{"FAIL of itself"}, exitStatement, "of itself"},
		"no statement":              {[]string{" ; -- nothing"}, exitUsage, "there is no statement"},
		"two sources of statements": {[]string{"SELECT 1", "-f", "x"}, exitUsage, "both SQL and --file"},
		"no such file":              {[]string{"-f", "/no/such/file"}, exitUsage, "no such file"},
		"an unknown format":         {[]string{"SELECT 1", "--format", "xml"}, exitUsage, `--format "xml": want one of table, expanded, csv, json, jsonl, parquet`},
		"an unknown flag":           {[]string{"--nope"}, exitUsage, "Run 'e6 query --help' for usage."},
		"a value too many":          {[]string{"SELECT 1", "--arg", "1"}, exitUsage, "--arg gives the value of a ?"},
		"a parameter without name":  {[]string{"SELECT 1", "--param", "=1"}, exitUsage, `--param "=1": want NAME=VALUE`},
		"a file of two statements":  {[]string{"SELECT 1; SELECT 2", "--format", "parquet"}, exitUsage, "want one statement"},
		"values of two statements":  {[]string{"SELECT ?; SELECT ?", "--arg", "1"}, exitUsage, "want one statement"},
		"a wrong setting":           {[]string{"SELECT 1", "--set", "prefetch=0"}, exitUsage, "a whole number from 1 to 1000"},
		"a setting without value":   {[]string{"SELECT 1", "--set", "prefetch"}, exitUsage, "want NAME=VALUE"},
		"a token as a setting":      {[]string{"SELECT 1", "--set", "token=planted"}, exitUsage, "others can see a command line"},
		"the time is over":          {[]string{"SELECT sleep(60000)", "--timeout", "50ms"}, exitTimeout, "--timeout has passed"},
	} {
		t.Run(name, func(t *testing.T) {
			got := query(c.args...)
			require.Equal(t, c.code, got.code, got.errOut)
			require.Contains(t, got.errOut, c.text)
			require.Empty(t, got.out)
		})
	}
	requireIdle(t, cluster)

	cluster.Suspend()
	got := query("SELECT 1", "--set", "auto_resume=false")
	require.Equal(t, exitCluster, got.code)
	require.Contains(t, got.errOut, "suspended")
	cluster.Resume()

	nothing := command(t, "query", "SELECT 1", "--dsn", "e6://me@127.0.0.1:1", "--token-file", secret(t), "--timeout", "1m")
	require.Equal(t, exitCluster, nothing.code, "waiting does not help where nothing listens")
	silent := listener(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	got = command(t, "query", "SELECT 1", "--dsn", "e6://me@"+silent, "--token-file", secret(t), "--timeout", "300ms")
	require.Equal(t, exitTimeout, got.code, got.errOut)
}

func TestQuery_RejectedCredentialsNameTheCluster(t *testing.T) {
	_, flags := start(t, e6test.WithCredentials("me", "another"))
	got := command(t, append([]string{"query", "SELECT 1"}, flags...)...)
	require.Equal(t, exitCluster, got.code)
	require.Contains(t, got.errOut, "the credentials are rejected")
}

func TestQuery_TheFirstFailedStatementEndsTheScript(t *testing.T) {
	_, flags := start(t)
	got := command(t, append([]string{"query", "SELECT 1; FAIL of itself; SELECT 2", "--format", "jsonl"}, flags...)...)
	require.Equal(t, exitStatement, got.code)
	require.Equal(t, 1, strings.Count(got.out, "\n"), "what came before it is there")
}

func TestQuery_CtrlCCancelsItOnTheServer(t *testing.T) {
	cluster, flags := start(t)
	for name, sql := range map[string]string{"while it runs": "SELECT sleep(60000)", "while it streams": "SELECT * FROM numbers(100000000)"} {
		t.Run(name, func(t *testing.T) {
			signals := make(chan os.Signal, 1)
			var errOut strings.Builder
			done := make(chan int)
			go func() {
				done <- run(append([]string{"query", sql}, flags...), signals, strings.NewReader(""), io.Discard, &errOut)
			}()
			require.Eventually(t, func() bool { return len(cluster.OpenQueries()) == 1 }, stress.Patience, time.Millisecond)
			signals <- os.Interrupt
			require.Equal(t, exitInterrupted, <-done)
			require.Equal(t, "e6: interrupted\n", errOut.String())
			require.Empty(t, cluster.OpenQueries(), "the query was cleared before the command ended")
		})
	}
}

func TestQuery_AClosedPipeEndsItWithoutAnError(t *testing.T) {
	cluster, flags := start(t)
	r, w, err := os.Pipe()
	require.NoError(t, err)
	require.NoError(t, r.Close())
	var errOut strings.Builder
	code := run(append([]string{"query", "SELECT * FROM numbers(100000000)"}, flags...), make(chan os.Signal), strings.NewReader(""), w, &errOut)
	require.Equal(t, exitOK, code)
	require.Empty(t, errOut.String())
	require.NoError(t, w.Close())
	requireIdle(t, cluster)
}

func TestQuery_SurvivesACutover(t *testing.T) {
	cluster, flags := start(t)
	signals := make(chan os.Signal, 1)
	done := make(chan result)
	go func() {
		var out, errOut strings.Builder
		code := run(append([]string{"query", "SELECT sleep(200); SELECT sleep(200); SELECT sleep(1)", "--format", "jsonl"}, flags...),
			signals, strings.NewReader(""), &out, &errOut)
		done <- result{out.String(), errOut.String(), code}
	}()
	require.Eventually(t, func() bool { return len(cluster.OpenQueries()) == 1 }, stress.Patience, time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), stress.Patience)
	defer cancel()
	require.NoError(t, cluster.Cutover(ctx, e6test.Cutover{To: fsm.Green, Kind: e6test.Abrupt}))
	got := <-done
	require.Equal(t, 0, got.code, got.errOut)
	require.Equal(t, 3, strings.Count(got.out, "\n"))
}

func TestQuery_AnOutputFileIsReplacedOnlyByACompleteResult(t *testing.T) {
	_, flags := start(t)
	dir := t.TempDir()
	keep, link, fresh := filepath.Join(dir, "keep"), filepath.Join(dir, "link"), filepath.Join(dir, "fresh")
	require.NoError(t, os.WriteFile(keep, []byte("precious"), 0o600))
	require.NoError(t, os.Symlink(keep, link))
	query := func(sql, format, into string) result {
		return command(t, append([]string{"query", sql, "--format", format, "-o", into}, flags...)...)
	}
	text := func(path string) string {
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		return string(b)
	}
	for _, format := range output.Formats() {
		for _, sql := range []string{"SELEC", "FAIL of itself", "SELECT 1; SELEC"} {
			if strings.Contains(sql, ";") && format == output.Parquet {
				continue
			}
			require.Equal(t, exitStatement, query(sql, format, keep).code, "%s as %s", sql, format)
			require.Equal(t, exitStatement, query(sql, format, fresh).code)
			require.Equal(t, "precious", text(keep))
		}
	}
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	hidden, err := filepath.Glob(filepath.Join(dir, ".*"))
	require.NoError(t, err)
	require.ElementsMatch(t, []string{keep, link}, append(names, hidden...), "nothing is left over")

	require.Equal(t, result{}, query("SELECT 1", "jsonl", link))
	require.Equal(t, "{\"n\":1}\n", text(keep), "a link stays a link")
	info, err := os.Stat(keep)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "the permissions are as they were")
	require.Equal(t, result{}, query("SELECT 1", "csv", fresh))
	require.Equal(t, "n\n1\n", text(fresh))
	require.Equal(t, result{}, query("SELECT 1", "csv", os.DevNull))
	require.Contains(t, query("SELECT 1", "csv", dir).errOut, "it is a directory")
	require.NoError(t, os.Chmod(keep, 0o400))
	require.Contains(t, query("SELECT 2", "csv", keep).errOut, "permission denied")
}

func TestQuery_ErrorsOfAnOutputFileNameTheFileOfTheUser(t *testing.T) {
	_, flags := start(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "missing", "x.csv")
	got := command(t, append([]string{"query", "SELECT 1", "-o", path}, flags...)...)
	require.Equal(t, result{errOut: "e6: write " + path + ": the folder does not exist\n", code: exitStatement}, got)

	full := &replacement{path: path}
	file, err := os.Open(dir) // which cannot be written to
	require.NoError(t, err)
	full.File = file
	_, err = full.WriteString("x")
	require.ErrorContains(t, err, "write "+path+": ")
	require.NoError(t, file.Close())
}

func TestQuery_TheNameOfTheOutputChoosesTheFormat(t *testing.T) {
	_, flags := start(t)
	dir := t.TempDir()
	for name, begins := range map[string]string{
		"a.json": "[\n{", "a.JSONL": "{", "a.ndjson": "{", "a.parquet": "PAR1", "a.csv": "n,text\n", "a.txt": "n,text\n", "json": "n,text\n",
	} {
		path := filepath.Join(dir, name)
		require.Equal(t, result{}, command(t, append([]string{"query", "SELECT * FROM numbers(2)", "-o", path}, flags...)...))
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(string(text), begins), "%s: %q", name, text)
	}
	path := filepath.Join(dir, "b.json")
	require.Equal(t, result{}, command(t, append([]string{"query", "SELECT * FROM numbers(2)", "-o", path, "--format", "csv"}, flags...)...))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(text), "n,text\n"), "%q", text)
	got := command(t, append([]string{"query", "SELECT 1; SELECT 2", "-o", filepath.Join(dir, "b.parquet")}, flags...)...)
	require.Equal(t, exitUsage, got.code)
}

func TestQuery_SignalsCancelItOnTheServer(t *testing.T) {
	cluster, flags := start(t)
	self, err := os.Executable()
	require.NoError(t, err)
	// A process that was started with nohup, or in the background of a script, hands the
	// ignored signal on, unless it listens to it.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP, os.Interrupt)
	t.Cleanup(func() { signal.Reset(syscall.SIGHUP, os.Interrupt) })
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(sig.String(), func(t *testing.T) {
			into := filepath.Join(t.TempDir(), "result")
			cmd := exec.Command(self, append([]string{"query", "SELECT sleep(600000)", "-o", into}, flags...)...)
			cmd.Env = append(os.Environ(), asCommand+"=1")
			var errOut strings.Builder
			cmd.Stderr = &errOut
			require.NoError(t, cmd.Start())
			running := func() bool { return len(cluster.OpenQueries()) == 1 && cluster.OpenQueries()[0].State == "running" }
			if !assert.Eventually(t, running, stress.Patience, time.Millisecond) {
				_ = cmd.Process.Kill()
			}
			require.NoError(t, cmd.Process.Signal(sig))
			_ = cmd.Wait()
			require.Equal(t, exitInterrupted, cmd.ProcessState.ExitCode(), errOut.String())
			require.Equal(t, "e6: interrupted\n", errOut.String())
			require.Empty(t, cluster.OpenQueries(), "the query was cleared before the command ended")
			require.NoFileExists(t, into)
		})
	}
}

func TestQuery_CancelledByAnotherUserIsReported(t *testing.T) {
	cluster, flags := start(t)
	p := begin(t, append([]string{"query", "SELECT sleep(600000)"}, flags...)...)
	running := func() bool { return len(cluster.OpenQueries()) == 1 && cluster.OpenQueries()[0].State == "running" }
	require.Eventually(t, running, stress.Patience, time.Millisecond)
	other, err := e6.Open(t.Context(), e6.Config{Address: cluster.Addr(), User: "me", Token: "planted"})
	require.NoError(t, err)
	defer func() { require.NoError(t, other.Close()) }()
	q := cluster.OpenQueries()[0]
	require.NoError(t, other.Cancel(t.Context(), e6.QueryHandle{QueryID: q.ID, Side: q.Side, Engine: "planner-blue"}))
	require.Equal(t, exitStatement, p.end())
	require.Equal(t, "e6: the query was cancelled\n", p.errOut.String())
}

func TestQuery_ATimeoutReportsTheUnderlyingError(t *testing.T) {
	clean(t)
	t.Setenv("E6DATA_ALLOW_CLEAR_TEXT", "true")
	for address, want := range map[string]string{"127.0.0.1:1": "connection refused", "no-such-host.invalid:1": "no-such-host.invalid"} {
		got := command(t, "query", "SELECT 1", "--dsn", "e6://me@"+address, "--token-file", secret(t), "--timeout", "2s")
		require.Contains(t, []int{exitTimeout, exitCluster}, got.code, "the timeout, or the client found out before: %s", got.errOut)
		require.Contains(t, got.errOut, want)
		require.LessOrEqual(t, strings.Count(got.errOut, "--timeout has passed"), 1, got.errOut)
	}
	cluster, flags := start(t)
	got := command(t, append([]string{"query", "SELECT sleep(600000)", "--timeout", "500ms"}, flags...)...)
	require.Equal(t, exitTimeout, got.code)
	require.Regexp(t, `^e6: --timeout has passed.*\n$`, got.errOut)
	requireIdle(t, cluster)
}

func TestQuery_ACauseThatBothSidesShareIsPrintedOnce(t *testing.T) {
	clean(t)
	unreachable := []string{"--dsn", "e6://me@127.0.0.1:1", "--token-file", secret(t)}
	for _, args := range [][]string{{"query", "SELECT 1"}, {"cluster", "status"}} {
		got := command(t, slices.Concat(args, unreachable)...)
		require.Equal(t, exitCluster, got.code, got.errOut)
		require.Equal(t, 1, strings.Count(got.errOut, "connection refused"), got.errOut)
		require.NotContains(t, got.errOut, "green", got.errOut)
	}

	cluster, flags := start(t)
	query := func() string {
		got := command(t, append([]string{"query", "SELECT 1", "--set", "detection_timeout=1s"}, flags...)...)
		require.Equal(t, exitCluster, got.code, got.errOut)
		return got.errOut
	}
	cluster.CloseSide(fsm.Blue)
	require.Regexp(t, `(?s)^e6: no side of the cluster accepts: [^\n]*\n  both   authenticate: [^\n]*456[^\n]*\n'e6 doctor'`, query())
	cluster.OpenSide(fsm.Green)
	cluster.Inject(e6test.Fault{Method: "authenticate", Side: fsm.Green, Times: -1, Action: e6test.Fail, Message: "out of memory"})
	require.Regexp(t, `(?s)\n  blue   authenticate on blue: [^\n]*456[^\n]*\n  green  authenticate on green: [^\n]*out of memory[^\n]*\n'e6 doctor'`, query())
}
