package conformance

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/fsm"
)

const haproxyConfig = `
global
    stats socket DIR/admin level admin
    maxconn 1000
    hard-stop-after 5s
    STREAMS
defaults
    mode http
    timeout connect 2s
    timeout client IDLE
    timeout http-keep-alive IDLE
    timeout server RESPONSE
    RETRIES
frontend ingress
    bind LISTEN proto h2
    http-request set-var(txn.side) req.hdr(strategy),lower
    http-request return status 456 content-type text/plain string "wrong strategy" unless { var(txn.side),map_str(DIR/open.map,closed) -m str open }
    http-request return status 503 content-type text/plain string "suspended" if { str(suspended),map_str(DIR/open.map,no) -m str yes } !{ path_beg /ClusterService/ }
    use_backend blue if { var(txn.side) -m str blue }
    default_backend green
backend blue
    server engine BLUE proto h2
backend green
    server engine GREEN proto h2
`

// haproxy is a HAProxy with a master process. A map, which the running process obeys and a
// new one reads, has the open sides.
type haproxy struct {
	dir, listen string
	state       map[string]string
}

func startHAProxy(t testing.TB, path, blue, green string, l limits) ingress {
	h := &haproxy{dir: scratch(t), listen: freeAddr(t), state: map[string]string{"blue": "open", "green": "closed", "suspended": "no"}}
	ms := func(d, otherwise time.Duration) string {
		if d == 0 {
			d = otherwise
		}
		return fmt.Sprintf("%dms", d.Milliseconds())
	}
	streams, retries := "", "retries 0"
	if l.streams > 0 {
		streams = fmt.Sprintf("tune.h2.max-concurrent-streams %d", l.streams)
	}
	if l.retries {
		retries = "retries 2\n    retry-on all-retryable-errors"
	}
	text := strings.NewReplacer("DIR", h.dir, "LISTEN", h.listen, "BLUE", blue, "GREEN", green, "STREAMS", streams, "RETRIES", retries,
		"IDLE", ms(l.idle, time.Minute), "RESPONSE", ms(l.response, time.Minute)).Replace(haproxyConfig)
	require.NoError(t, os.WriteFile(filepath.Join(h.dir, "config"), []byte(text), 0o644))
	h.write(t)
	p := run(t, path, "-W", "-S", filepath.Join(h.dir, "master"), "-db", "-f", filepath.Join(h.dir, "config"))
	listens(t, p, h.listen)
	return h
}

func (h *haproxy) addr() string { return h.listen }

func (h *haproxy) write(t testing.TB) {
	text := ""
	for k, v := range h.state {
		text += k + " " + v + "\n"
	}
	replaceFile(t, filepath.Join(h.dir, "open.map"), text)
}

// set changes the map of the file and of the running process, in this order.
func (h *haproxy) set(t testing.TB, pairs ...string) {
	var commands []string
	for i := 0; i < len(pairs); i += 2 {
		h.state[pairs[i]] = pairs[i+1]
		commands = append(commands, fmt.Sprintf("set map %s %s %s", filepath.Join(h.dir, "open.map"), pairs[i], pairs[i+1]))
	}
	h.write(t)
	answer := ""
	eventually(t, "HAProxy takes commands", func() (ok bool) {
		var err error
		answer, err = h.command("admin", strings.Join(commands, "; "))
		return err == nil
	})
	require.Empty(t, answer)
}

func (h *haproxy) open(t testing.TB, sides ...fsm.Side) {
	var pairs, closed []string // what opens does so first, so that a swap leaves no gap
	for _, side := range fsm.Sides {
		if open(sides, side) {
			pairs = append(pairs, side.String(), "open")
		} else {
			closed = append(closed, side.String(), "closed")
		}
	}
	h.set(t, append(pairs, closed...)...)
}

func (h *haproxy) suspend(t testing.TB, on bool) {
	h.set(t, "suspended", map[bool]string{true: "yes", false: "no"}[on])
}

// command sends a line to a socket of the running process, or of its master.
func (h *haproxy) command(socket, line string) (string, error) {
	conn, err := net.Dial("unix", filepath.Join(h.dir, socket))
	if err != nil {
		return "", err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.WriteString(conn, line+"\n"); err != nil {
		return "", err
	}
	all, err := io.ReadAll(conn)
	return strings.TrimSpace(string(all)), err
}

// worker returns the line in which the process that takes connections names itself.
func (h *haproxy) worker() string {
	info, _ := h.command("admin", "show info")
	for line := range strings.Lines(info) {
		if strings.HasPrefix(line, "Pid: ") {
			return line
		}
	}
	return ""
}

func (h *haproxy) reload(t testing.TB) {
	old := ""
	eventually(t, "HAProxy names its process", func() bool { old = h.worker(); return old != "" })
	eventually(t, "HAProxy takes a reload", func() bool { _, err := h.command("master", "reload"); return err == nil })
	eventually(t, "HAProxy has a new process", func() bool { now := h.worker(); return now != "" && now != old })
}

// drain is a reload: only a process that ends sends GOAWAY.
func (h *haproxy) drain(t testing.TB) { h.reload(t) }
