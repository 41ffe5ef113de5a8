package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

var (
	python   = flag.String("python", "", "the Python with the connector; without it the clients of Go run alone")
	cutovers = flag.Int("cutovers", 6, "how many cutovers each client goes through")
	pause    = flag.Duration("pause", 4*time.Second, "the time between two cutovers")
	write    = flag.String("write", "", "the document to write the table to")
	short    = flag.String("short", "", "the document to write the short table to")
	client   = flag.String("client", "", "run as this client: native or sql (internal)")
	addr     = flag.String("addr", "", "the address of the cluster, for -client")
)

func main() {
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := error(nil)
	if *client != "" {
		err = runClient(*client, *addr, duration(), os.Stdin, os.Stdout)
	} else {
		err = compare(ctx)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "sidebyside: %v\n", err)
		stop()
		os.Exit(1)
	}
}

// duration is how long a load lasts: a pause before each cutover, and one after the last.
func duration() time.Duration { return time.Duration(*cutovers+1) * *pause }

// A contestant is a client and its command, which gets the host and the port.
type contestant struct {
	name    string
	ours    bool
	command func(host, port string) []string
}

func contestants(ctx context.Context) (list []contestant, version string, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, "", err
	}
	ours := func(kind string) func(string, string) []string {
		return func(host, port string) []string {
			return []string{self, "-client", kind, "-addr", net.JoinHostPort(host, port), "-cutovers", fmt.Sprint(*cutovers), "-pause", pause.String()}
		}
	}
	if *python != "" {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		out, err := exec.CommandContext(ctx, *python, "-c", "import importlib.metadata as m; print(m.version('e6data-python-connector'))").Output()
		if err != nil {
			return nil, "", fmt.Errorf("find the connector of %s: %w; make conformance installs it", *python, err)
		}
		version = strings.TrimSpace(string(out))
		for _, kind := range []string{"threads", "processes"} {
			list = append(list, contestant{"Python connector, " + kind, false, func(host, port string) []string {
				return []string{*python, "load.py", kind, host, port, fmt.Sprint(duration().Seconds())}
			}})
		}
	}
	return append(list, contestant{"this SDK, native", true, ours("native")}, contestant{"this SDK, database/sql", true, ours("sql")}), version, nil
}

// compare runs every client, and prints and writes the table.
func compare(ctx context.Context) error {
	list, version, err := contestants(ctx)
	if err != nil {
		return err
	}
	emulator := filepath.Join(os.TempDir(), fmt.Sprintf("e6emu-%d", os.Getpid()))
	defer os.Remove(emulator)
	build := exec.CommandContext(ctx, "go", "build", "-o", emulator, "./cmd/e6emu")
	build.Dir = filepath.Join("..", "..", "..", "emulator")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the emulator: %w\n%s", err, out)
	}
	var runs []run
	var failed []error
	for _, c := range list {
		r, err := contest(ctx, emulator, c)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		runs = append(runs, r)
		w := r.row()
		fmt.Printf("%s: %d queries, %d failed, %d wrong\n", c.name, w.queries, w.failed, w.wrong)
		for _, text := range w.errors {
			fmt.Printf("    %s\n", strings.Join(strings.Fields(text), " "))
		}
		if c.ours && w.failed+w.wrong > 0 {
			failed = append(failed, fmt.Errorf("%s: %d queries failed, and %d were wrong", c.name, w.failed, w.wrong))
		}
	}
	text := fmt.Sprintf("16 workers, %d cutovers, graceful and abrupt in turn, every %v; one emulator for all; %s, %d CPUs, %s.\n\n%s",
		*cutovers, *pause, versions(version), runtime.NumCPU(), time.Now().UTC().Format(time.DateOnly), table(runs))
	fmt.Println("\n" + text)
	if *write != "" {
		failed = append(failed, replace(*write, text))
	}
	if *short != "" {
		failed = append(failed, replace(*short, shortTable(runs)))
	}
	return errors.Join(failed...)
}

func versions(connector string) string {
	if connector == "" {
		return runtime.Version()
	}
	return "connector " + connector + ", " + runtime.Version()
}

// patience is how long a client may take beyond its load: to start, to end its last queries and to
// report.
const patience = 3 * time.Minute

// contest runs one client against an emulator of its own. It ends both before it returns, also when
// one of them fails: a client whose report is not read would wait forever.
func contest(ctx context.Context, emulator string, c contestant) (r run, err error) {
	ctx, cancel := context.WithTimeout(ctx, duration()+patience)
	defer cancel()
	server, lines, err := start(ctx, nil, emulator, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")
	if err != nil {
		return r, err
	}
	defer func() { cancel(); _ = server.Wait() }()
	ready, err := lines.ReadString('\n')
	if err != nil {
		return r, fmt.Errorf("start the emulator: %w", err)
	}
	host, port, err := net.SplitHostPort(field(ready, "listen="))
	if err != nil {
		return r, fmt.Errorf("the emulator wrote %q: %w", ready, err)
	}
	in, trigger := io.Pipe()
	args := c.command(host, port)
	program, out, err := start(ctx, in, args[0], args[1:]...)
	if err != nil {
		return r, err
	}
	defer func() { cancel(); _ = trigger.Close(); _ = program.Wait() }()
	if line, err := out.ReadString('\n'); err != nil || line != "ready\n" {
		return r, fmt.Errorf("it wrote %q: %w", line, err)
	}
	r = run{client: c.name, d: duration()}
	if _, err := io.WriteString(trigger, "go\n"); err != nil {
		return r, err
	}
	kinds, sides := []string{"graceful", "abrupt"}, []string{"green", "blue"}
	for i := range *cutovers {
		select {
		case <-time.After(*pause):
		case <-ctx.Done():
			return r, ctx.Err()
		}
		r.cutovers = append(r.cutovers, time.Now())
		url := fmt.Sprintf("http://%s/cutover?to=%s&kind=%s", field(ready, "admin="), sides[i%2], kinds[i%2])
		if kinds[i%2] == "graceful" {
			url += fmt.Sprintf("&grace=%v", *pause/2)
		}
		if err := post(ctx, url); err != nil {
			return r, err
		}
	}
	if err := json.NewDecoder(out).Decode(&r.report); err != nil {
		return r, fmt.Errorf("read its report: %w", errors.Join(err, ctx.Err()))
	}
	return r, nil
}

// start runs a program in a process group of its own, which ends with ctx, and returns a reader of
// its output.
func start(ctx context.Context, in io.Reader, path string, args ...string) (*exec.Cmd, *bufio.Reader, error) {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // a child that ignores SIGTERM would hold the output
	cmd.WaitDelay = 10 * time.Second
	cmd.Stdin, cmd.Stderr = in, os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	return cmd, bufio.NewReader(out), cmd.Start()
}

// post sends a request to the emulator. While the cutover before is running, it sends it again.
func post(ctx context.Context, url string) error {
	for {
		err := postOnce(ctx, url)
		if !errors.Is(err, errRunning) {
			return err
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return err
		}
	}
}

var errRunning = errors.New("a cutover is running")

func postOnce(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		text, _ := io.ReadAll(resp.Body)
		err := fmt.Errorf("%s: %s: %s", url, resp.Status, text)
		if resp.StatusCode == http.StatusConflict {
			return fmt.Errorf("%w: %w", errRunning, err)
		}
		return err
	}
	return nil
}

// field returns what follows a name in the line of the emulator.
func field(line, name string) string {
	for word := range strings.FieldsSeq(line) {
		if value, ok := strings.CutPrefix(word, name); ok {
			return value
		}
	}
	return ""
}
