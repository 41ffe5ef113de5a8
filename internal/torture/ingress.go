package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/internal/freeport"
	"github.com/e6data/e6data-go/internal/lockedbuffer"
)

// An ingress decides which sides are open.
type ingress interface {
	addr() string
	// open opens these sides, and closes the others.
	open(sides ...fsm.Side) error
	// reload restarts the ingress without a gap.
	reload() error
	close()
}

// direct is the ingress of the cluster itself.
type direct struct{ cluster *e6test.Cluster }

func (d direct) addr() string { return d.cluster.Addr() }

func (d direct) open(sides ...fsm.Side) error {
	// Sides open before others close, so that a swap leaves no gap.
	for _, side := range sides {
		d.cluster.OpenSide(side)
	}
	for _, side := range fsm.Sides {
		if !slices.Contains(sides, side) {
			d.cluster.CloseSide(side)
		}
	}
	return nil
}

func (direct) reload() error { return errors.New("the cluster's own ingress cannot be reloaded") }
func (direct) close()        {}

// A program is a proxy in a process of its own, with its files in a directory.
type program struct {
	dir    string
	listen string
	cmd    *exec.Cmd
	output *lockedbuffer.Buffer
}

// find finds a program, also outside of a user's PATH.
func find(name string) (string, error) {
	for _, dir := range []string{"", "/usr/sbin/", "/usr/local/sbin/", "/usr/bin/"} {
		if path, err := exec.LookPath(dir + name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not installed", name)
}

// run runs a proxy whose configuration is in a file of dir, and waits until it listens.
func run(name, config string, args ...string) (*program, error) {
	path, err := find(name)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "e6-torture-"+name)
	if err != nil {
		return nil, err
	}
	p := &program{dir: dir, output: &lockedbuffer.Buffer{Limit: 1 << 20}}
	if p.listen, err = freeport.Addr(); err != nil {
		return nil, err
	}
	text := strings.NewReplacer("DIR", dir, "LISTEN", p.listen).Replace(config)
	file := filepath.Join(dir, "config")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	for i, a := range args {
		args[i] = strings.NewReplacer("DIR", dir, "FILE", file).Replace(a)
	}
	p.cmd = exec.Command(path, args...)
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	listens := within(20*time.Second, func() bool {
		var conn net.Conn
		if conn, err = net.Dial("tcp", p.listen); err == nil {
			err = conn.Close()
		}
		return err == nil
	})
	if !listens {
		p.close()
		return nil, fmt.Errorf("%s does not listen: %w\n%s", name, err, p.output)
	}
	return p, nil
}

func (p *program) addr() string { return p.listen }

func (p *program) close() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // nginx takes its workers with it
	_ = p.cmd.Wait()
	_ = os.RemoveAll(p.dir)
}

// haproxy is a HAProxy. A map, which is changed while it runs, has the open sides.
type haproxy struct {
	*program
	file string // of the map

	// A process that has read the file and does not listen yet would miss a change:
	// the sides do not change while it is reloaded.
	mu sync.Mutex
}

const haproxyConfig = `
global
    stats socket DIR/admin level admin
    maxconn 1000
    hard-stop-after 10s
defaults
    mode http
    timeout connect 5s
    timeout client 1m
    timeout server 1m
frontend ingress
    bind LISTEN proto h2
    http-request set-var(txn.side) req.hdr(strategy),lower
    http-request return status 456 content-type text/plain string "wrong strategy" unless { var(txn.side),map_str(DIR/open.map,closed) -m str open }
    use_backend blue if { var(txn.side) -m str blue }
    default_backend green
backend blue
    server engine BLUE proto h2
backend green
    server engine GREEN proto h2
`

func newHAProxy(cluster *e6test.Cluster) (ingress, error) {
	// The map is made by the first process: -W is the master, which reloads.
	config := strings.NewReplacer("BLUE", cluster.EngineAddr(fsm.Blue), "GREEN", cluster.EngineAddr(fsm.Green)).Replace(haproxyConfig)
	dir, err := os.MkdirTemp("", "e6-torture-map")
	if err != nil {
		return nil, err
	}
	m := filepath.Join(dir, "open.map")
	if err := os.WriteFile(m, []byte("blue open\ngreen closed\n"), 0o600); err != nil {
		return nil, err
	}
	p, err := run("haproxy", strings.ReplaceAll(config, "DIR/open.map", m), "-W", "-S", "DIR/master", "-db", "-f", "FILE")
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	return &haproxy{program: p, file: m}, nil
}

func (h *haproxy) open(sides ...fsm.Side) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	state := func(side fsm.Side) string {
		if slices.Contains(sides, side) {
			return "open"
		}
		return "closed"
	}
	// The file is what a reload reads, the command what the running process obeys.
	text := fmt.Sprintf("blue %s\ngreen %s\n", state(fsm.Blue), state(fsm.Green))
	if err := os.WriteFile(h.file, []byte(text), 0o600); err != nil {
		return err
	}
	var command []string
	for _, side := range []fsm.Side{fsm.Blue, fsm.Green} {
		command = append(command, fmt.Sprintf("set map %s %s %s", h.file, side, state(side)))
	}
	if len(sides) == 1 { // what opens does so first
		if sides[0] == fsm.Green {
			slices.Reverse(command)
		}
	}
	var answer string
	var err error
	obeys := within(10*time.Second, func() bool { // it listens to orders a little later than to clients
		answer, err = h.command("admin", strings.Join(command, "; "))
		return err == nil
	})
	if obeys && answer != "" {
		err = fmt.Errorf("haproxy: %s: %s", command, answer)
	}
	return err
}

// command sends a line to one of the sockets: admin is that of the process that takes
// new connections, master that of the one that reloads.
func (h *haproxy) command(socket, line string) (answer string, err error) {
	conn, err := net.Dial("unix", filepath.Join(h.dir, socket))
	if err != nil {
		return "", err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := conn.Write([]byte(line + "\n")); err != nil {
		return "", err
	}
	all, err := io.ReadAll(conn)
	return strings.TrimSpace(string(all)), err
}

// worker is the process that takes new connections, as it describes itself.
func (h *haproxy) worker() (string, error) {
	info, err := h.command("admin", "show info")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(info) {
		if strings.HasPrefix(line, "Pid: ") {
			return line, nil
		}
	}
	return "", fmt.Errorf("read haproxy's process id: %s", info)
}

// reload returns when a new process has taken over. The master receives the command on its socket,
// which it opens when it can reload: a signal would be lost as long as it starts.
func (h *haproxy) reload() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var old string
	var err error
	if !within(10*time.Second, func() bool { old, err = h.worker(); return err == nil }) {
		return err
	}
	sent := within(20*time.Second, func() bool {
		_, err = h.command("master", "reload")
		return err == nil
	})
	if !sent {
		return fmt.Errorf("send reload to haproxy's socket: %w\n%s", err, h.output)
	}
	taken := within(20*time.Second, func() bool {
		now, err := h.worker() // fails while the socket changes its owner
		return err == nil && now != old
	})
	if !taken {
		return fmt.Errorf("haproxy does not reload: %s", h.output)
	}
	return nil
}

// within waits until something is so, and reports false if that takes too long.
func within(limit time.Duration, is func() bool) bool {
	for late := time.Now().Add(limit); !is(); <-time.After(5 * time.Millisecond) {
		if time.Now().After(late) {
			return false
		}
	}
	return true
}

func (h *haproxy) close() {
	h.program.close()
	_ = os.RemoveAll(filepath.Dir(h.file))
}

// nginx is an nginx. A file for each closed side, which it looks for at every call,
// makes it refuse.
type nginx struct{ *program }

const nginxConfig = `
daemon off;
worker_processes 2;
worker_shutdown_timeout 10s;
pid DIR/pid;
error_log stderr error;
events { worker_connections 1024; }
http {
    access_log off;
    client_body_temp_path DIR/body;
    proxy_temp_path DIR/proxy;
    fastcgi_temp_path DIR/fastcgi;
    uwsgi_temp_path DIR/uwsgi;
    scgi_temp_path DIR/scgi;
    map $http_strategy $engine { default grpc://GREEN; blue grpc://BLUE; }
    server {
        listen LISTEN http2;
        http2_max_concurrent_streams 1000;
        location / {
            default_type text/plain;
            if (-f DIR/closed-$http_strategy) { return 456 "wrong strategy"; }
            grpc_pass $engine;
        }
    }
}
`

func newNginx(cluster *e6test.Cluster) (ingress, error) {
	config := strings.NewReplacer("BLUE", cluster.EngineAddr(fsm.Blue), "GREEN", cluster.EngineAddr(fsm.Green)).Replace(nginxConfig)
	p, err := run("nginx", config, "-e", "stderr", "-p", "DIR", "-c", "FILE")
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(p.dir, 0o755); err != nil { // its workers may be another user
		return nil, err
	}
	n := nginx{p}
	return n, n.open(fsm.Blue)
}

func (n nginx) open(sides ...fsm.Side) error {
	for _, side := range sides {
		if err := os.Remove(n.mark(side)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	for _, side := range fsm.Sides {
		if !slices.Contains(sides, side) {
			if err := os.WriteFile(n.mark(side), nil, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

func (n nginx) mark(side fsm.Side) string { return filepath.Join(n.dir, "closed-"+side.String()) }

func (n nginx) reload() error { return n.cmd.Process.Signal(syscall.SIGHUP) }
