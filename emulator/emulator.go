package emulator

import (
	"context"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/e6data/e6data-go/e6/e6test"
)

// shutdownTimeout bounds the wait for admin requests that are being served
// while the emulator is closed.
const shutdownTimeout = 2 * time.Second

// Emulator is a running cluster over an Engine.
type Emulator struct {
	engine  *Engine
	cluster *e6test.Cluster

	admin     *http.Server
	adminAddr string
	adminDone chan struct{}
}

// Start opens the database, builds the sample data set unless NoSample is set,
// and serves a cluster over it whose blue side is active. It returns when the
// addresses accept connections. The caller closes the emulator.
func Start(opts Options) (*Emulator, error) {
	engine, err := New(opts)
	if err != nil {
		return nil, err
	}
	em := &Emulator{engine: engine}
	tlsConfig, err := opts.tlsConfig()
	if err != nil {
		_ = em.Close()
		return nil, err
	}
	if em.cluster, err = e6test.Start(clusterOptions(engine, opts, tlsConfig)...); err != nil {
		_ = em.Close()
		return nil, fmt.Errorf("emulator: serve on %s: %w", opts.listen(), err)
	}
	if opts.Admin != "" {
		if err := em.serveAdmin(opts.Admin); err != nil {
			_ = em.Close()
			return nil, err
		}
	}
	return em, nil
}

// clusterOptions translates the options that concern the server.
func clusterOptions(engine *Engine, opts Options, tlsConfig *tls.Config) []e6test.Option {
	list := []e6test.Option{
		e6test.WithEngine(engine),
		e6test.WithListenAddr(opts.listen()),
		e6test.WithRefusal(opts.Refusal),
		e6test.WithLatency(opts.Latency),
	}
	if opts.EngineBlue != "" || opts.EngineGreen != "" {
		list = append(list, e6test.WithEngineListeners(opts.EngineBlue, opts.EngineGreen))
	}
	if opts.BatchRows > 0 {
		list = append(list, e6test.WithBatchRows(opts.BatchRows))
	}
	if opts.MaxStreams != 0 {
		list = append(list, e6test.WithMaxStreams(opts.MaxStreams))
	}
	if opts.User != "" || opts.Token != "" {
		list = append(list, e6test.WithCredentials(opts.User, opts.Token))
	}
	if opts.Bearer != "" {
		list = append(list, e6test.WithBearer(func(token string) bool {
			return subtle.ConstantTimeCompare([]byte(token), []byte(opts.Bearer)) == 1
		}))
	}
	if tlsConfig != nil {
		list = append(list, e6test.WithTLS(tlsConfig))
	}
	return append(list, opts.Cluster...)
}

// serveAdmin begins to serve the admin handler.
func (em *Emulator) serveAdmin(addr string) error {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("emulator: serve the admin interface on %s: %w", addr, err)
	}
	em.adminAddr = listener.Addr().String()
	em.admin = &http.Server{Handler: AdminHandler(em.cluster), ReadHeaderTimeout: 10 * time.Second}
	em.adminDone = make(chan struct{})
	go func() {
		defer close(em.adminDone)
		// It returns http.ErrServerClosed; a listener that fails earlier takes
		// the admin interface down and leaves the cluster alone.
		_ = em.admin.Serve(listener)
	}()
	return nil
}

// Cluster returns the cluster, to steer it in code.
func (em *Emulator) Cluster() *e6test.Cluster { return em.cluster }

// Engine returns the SQL engine that both sides share.
func (em *Emulator) Engine() *Engine { return em.engine }

// Addr returns the address that clients dial.
func (em *Emulator) Addr() string { return em.cluster.Addr() }

// AdminAddr returns the address of the admin interface, or "" without one.
func (em *Emulator) AdminAddr() string { return em.adminAddr }

// Close ends the servers and closes the database. Statements that run are
// interrupted. A second call does nothing.
func (em *Emulator) Close() error {
	var errs []error
	if em.cluster != nil {
		// The cluster goes first: that ends a cutover which an admin request
		// may be waiting for.
		errs = append(errs, em.cluster.Close())
	}
	if em.admin != nil {
		ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
		defer cancel()
		if err := em.admin.Shutdown(ctx); err != nil {
			errs = append(errs, em.admin.Close())
		}
		<-em.adminDone
	}
	return errors.Join(append(errs, em.engine.Close())...)
}
