// Package etcdserver runs an etcd of its own for tests: in a process, on loopback.
package etcdserver

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/e6data/e6data-go/internal/freeport"
	"github.com/e6data/e6data-go/internal/lockedbuffer"
	"github.com/e6data/e6data-go/internal/stress"
)

// Require is the environment variable that makes an etcd that is not installed a
// failure, and not a reason to skip a test.
const Require = "E6_REQUIRE_ETCD"

// ErrMissing is returned by Start where there is no etcd.
var ErrMissing = errors.New("etcd is not installed: install Debian's etcd-server")

// A Server is a process that can be killed, and started again on the same data and
// addresses.
type Server struct {
	addr string
	dir  string
	args []string
	cmd  *exec.Cmd
	log  lockedbuffer.Buffer
}

// ForTest starts an etcd that ends with the test. Without one the test is skipped, or
// fails if Require is set. Further arguments are etcd's; with --cert-file it speaks TLS
// only.
func ForTest(t testing.TB, args ...string) *Server {
	t.Helper()
	s, err := Start(args...)
	if errors.Is(err, ErrMissing) && os.Getenv(Require) == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Log(s.log.String())
		}
	})
	return s
}

// Start starts an etcd and waits until it listens. Close it.
func Start(args ...string) (*Server, error) {
	path, err := exec.LookPath("etcd")
	if err != nil {
		return nil, ErrMissing
	}
	s := &Server{}
	var addrs [2]string
	for i := range addrs {
		if addrs[i], err = freeport.Addr(); err != nil {
			return nil, err
		}
	}
	if s.dir, err = os.MkdirTemp("", "etcd"); err != nil {
		return nil, err
	}
	scheme := "http://"
	if slices.Contains(args, "--cert-file") {
		scheme = "https://"
	}
	s.addr = addrs[0]
	client, peer := scheme+addrs[0], "http://"+addrs[1]
	s.args = append([]string{
		path, "--name", "one", "--data-dir", s.dir, "--logger", "zap",
		"--listen-client-urls", client, "--advertise-client-urls", client,
		"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "one=" + peer,
		"--heartbeat-interval", "50", "--election-timeout", "500", "--unsafe-no-fsync",
	}, args...)
	if err := s.Again(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Addr is its host and port.
func (s *Server) Addr() string { return s.addr }

// Again starts the process once more, after Kill, and waits until it listens.
func (s *Server) Again() error {
	s.cmd = exec.Command(s.args[0], s.args[1:]...)
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	if err := s.cmd.Start(); err != nil {
		return err
	}
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", s.addr)
		if err == nil {
			return conn.Close()
		}
		if time.Since(began) > stress.Patience {
			return fmt.Errorf("etcd does not listen: %w\n%s", err, s.log.String())
		}
	}
}

// Signal sends a signal to the process, such as one that stops it for a while.
func (s *Server) Signal(sig os.Signal) error { return s.cmd.Process.Signal(sig) }

// Kill ends the process as a power failure would.
func (s *Server) Kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	s.cmd = nil
}

// Close ends the process and removes its data.
func (s *Server) Close() error {
	s.Kill()
	return os.RemoveAll(s.dir)
}
