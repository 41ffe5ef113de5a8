package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/internal/freeport"
)

// haproxyConfig leaves the limit of streams at its default, 100 on each connection.
const haproxyConfig = `
global
    maxconn 1000
defaults
    mode http
    timeout connect 5s
    timeout client 1m
    timeout server 1m
frontend ingress
    bind %s proto h2
    http-request return status 456 unless { req.hdr(strategy) -m str blue }
    default_backend blue
backend blue
    server engine %s proto h2
`

// throughHAProxy compares short queries on so many goroutines, behind an ingress with its
// default limit of streams, with the same calls on one connection.
func throughHAProxy(goroutines int) comparison {
	return comparison{
		name:    fmt.Sprintf("short queries on %d goroutines through HAProxy, with 100 streams a connection", goroutines),
		against: "the same calls by the generated stub, on one connection", goal: 0.8, more: true, unit: ofSpeed,
		reason: "client, proxy and engine share two processors, and more connections mean more and smaller writes; one connection lets 100 calls run and queues the rest, which costs nothing while all calls are short",
		begin: func(size size) (trial, func(), error) {
			s, stop, err := newProxiedScene()
			if err != nil {
				return nil, nil, err
			}
			some := func(do func()) work {
				return func(n int) { spread(size.of(goroutines), do)(2 * size.of(goroutines) * n) }
			}
			return alternate(some(s.query), some(func() { s.stub.query(short) }), ofSpeed), func() { s.end(); stop() }, nil
		},
	}
}

// newProxiedScene makes a scene whose calls go through HAProxy.
func newProxiedScene() (s *scene, stop func(), err error) {
	path, err := exec.LookPath("haproxy")
	if err != nil {
		if path, err = exec.LookPath("/usr/sbin/haproxy"); err != nil {
			return nil, nil, fmt.Errorf("haproxy is not installed (Debian: apt install haproxy): %w", err)
		}
	}
	cluster, err := e6test.Start(e6test.WithEngineListeners("127.0.0.1:0", "127.0.0.1:0"))
	if err != nil {
		return nil, nil, err
	}
	address, stop, err := runHAProxy(path, cluster.EngineAddr(e6.Blue))
	if err != nil {
		return nil, nil, errors.Join(err, cluster.Close())
	}
	client, err := e6.Open(context.Background(), e6.Config{Address: address, User: "me", Token: "any"})
	if err != nil {
		stop()
		return nil, nil, errors.Join(err, cluster.Close())
	}
	stub, err := newStub(address, func(ctx context.Context, address string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	})
	if err != nil {
		stop()
		return nil, nil, errors.Join(err, client.Close(), cluster.Close())
	}
	return &scene{cluster, client, stub}, stop, nil
}

// runHAProxy runs one in front of an engine, and returns when it listens.
func runHAProxy(path, engine string) (address string, stop func(), err error) {
	if address, err = freeport.Addr(); err != nil {
		return "", nil, err
	}
	dir, err := os.MkdirTemp("", "e6-bench")
	if err != nil {
		return "", nil, err
	}
	file := filepath.Join(dir, "haproxy.cfg")
	if err := os.WriteFile(file, fmt.Appendf(nil, haproxyConfig, address, engine), 0o600); err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	cmd := exec.Command(path, "-db", "-f", file)
	if err := cmd.Start(); err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	stop = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // the error is that it was killed
		must(os.RemoveAll(dir))
	}
	for range 1000 {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			return address, stop, conn.Close()
		}
		<-time.After(10 * time.Millisecond)
	}
	stop()
	return "", nil, errors.New("haproxy does not listen")
}
