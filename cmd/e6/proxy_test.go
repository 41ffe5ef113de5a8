package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/e6test"
)

// aside runs a command line in a process of its own: what a process uses as its proxy
// is read from the environment once.
func aside(t *testing.T, env []string, args ...string) result {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Env = append(append(os.Environ(), asCommand+"=1"), env...)
	var out, errOut strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err = cmd.Run()
	if _, failed := errors.AsType[*exec.ExitError](err); !failed {
		require.NoError(t, err)
	}
	require.NotContains(t, out.String()+errOut.String(), "planted", "a secret shows")
	return result{out.String(), errOut.String(), cmd.ProcessState.ExitCode()}
}

// proxy is an HTTP proxy that knows CONNECT, and takes every connection to one address.
func proxy(t *testing.T, to string) *httptest.Server {
	t.Helper()
	var pipes sync.WaitGroup
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := (&http.Request{Header: http.Header{"Authorization": r.Header["Proxy-Authorization"]}}).BasicAuth()
		if user != "alice" || password != "planted" {
			w.Header().Set("Proxy-Authenticate", "Basic")
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		if r.Method != http.MethodConnect || r.Host != "e6.example.com:443" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		there, err := net.Dial("tcp", to)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		here, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		_, _ = io.WriteString(here, "HTTP/1.1 200 Connection established\r\n\r\n")
		for _, ends := range [][2]net.Conn{{here, there}, {there, here}} {
			pipes.Go(func() {
				_, _ = io.Copy(ends[0], ends[1])
				_ = ends[0].Close()
			})
		}
	}))
	t.Cleanup(func() {
		server.Close()
		pipes.Wait()
	})
	return server
}

func TestDoctor_ConnectsThroughTheProxyThatTheClientUses(t *testing.T) {
	config, ca := certificate(t, time.Now().Add(365*24*time.Hour), "e6.example.com")
	cluster, _ := start(t, e6test.WithTLS(config))
	through := proxy(t, cluster.Addr())
	_, port, err := net.SplitHostPort(cluster.Addr())
	require.NoError(t, err)
	flags := func(address string) []string {
		return []string{"--dsn", "e6s://me@" + address + "/demo/sales", "--token-file", secret(t), "--ca", ca, "--server-name", "e6.example.com"}
	}
	named := "http://alice:planted@" + through.Listener.Addr().String()
	for name, c := range map[string]struct {
		proxy, noProxy, address string
		code                    int
	}{
		"proxy":           {named, "", "e6.example.com:443", 0},
		"proxy-407":       {through.URL, "", "e6.example.com:443", exitStatement},
		"proxy-wrong":     {"http://alice:planted1@" + through.Listener.Addr().String(), "", "e6.example.com:443", exitStatement},
		"proxy-forbids":   {named, "", "other.example.com:443", exitStatement},
		"proxy-refused":   {"http://127.0.0.1:1", "", "e6.example.com:443", exitStatement},
		"proxy-socks":     {"socks5://alice:planted@127.0.0.1:1", "", "e6.example.com:443", exitStatement},
		"proxy-wrong-url": {"http://alice:planted@%zz", "", "0.0.0.0:" + port, 0},
		"proxy-not":       {named, "0.0.0.0", "0.0.0.0:" + port, 0},
	} {
		t.Run(name, func(t *testing.T) {
			env := []string{"HTTPS_PROXY=" + c.proxy, "NO_PROXY=" + c.noProxy, "https_proxy=", "no_proxy="}
			got := aside(t, env, append([]string{"doctor"}, flags(c.address)...)...)
			require.Equal(t, result{got.out, "", c.code}, got)
			requireGolden(t, "doctor."+name, steady(got.out))
		})
	}
	got := aside(t, []string{"HTTPS_PROXY=" + named, "NO_PROXY="}, append([]string{"query", "SELECT 1", "--no-header"}, flags("e6.example.com:443")...)...)
	require.Equal(t, result{"1\n", "", 0}, got, "the client takes the same way")
}
