package e6test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
)

// Refusal is the form in which the ingress refuses a call.
type Refusal uint8

// The forms that real deployments have.
const (
	// RefuseHTTP answers with a plain HTTP status 456 or 503.
	RefuseHTTP Refusal = iota
	// RefuseGRPC answers with HTTP 200 and a gRPC status, as Envoy does: UNKNOWN
	// "status: 456", or UNAVAILABLE "status: 503, cluster is suspended".
	RefuseGRPC
	// RefuseMock answers as the public connector's mock server does:
	// INVALID_ARGUMENT "Wrong strategy. Status: 456."; for a suspended cluster it
	// is as RefuseGRPC.
	RefuseMock
)

// Option configures a Cluster; see Start.
type Option func(*settings)

type settings struct {
	engine      Engine
	listen      string
	engines     map[fsm.Side]string // their own addresses, without the ingress
	memory      bool
	active      fsm.Side
	user, token string
	bearer      func(token string) bool
	name        string
	batchRows   int
	chunks      int
	newFetch    bool
	emptyEvery  int
	rowsEvery   int
	tls         *tls.Config
	refusal     Refusal
	resumeDelay time.Duration
	latency     time.Duration
	readTimeout time.Duration
	maxStreams  int
	replicas    int
	replicaLag  time.Duration
}

// validate reports every invalid option at once.
func (s *settings) validate() error {
	var errs []error
	wrong := func(yes bool, option, problem string) {
		if yes {
			errs = append(errs, fmt.Errorf("%s: %s", option, problem))
		}
	}
	wrong(!s.active.Valid(), "WithActive", "the side must be blue or green")
	wrong(s.batchRows < 1, "WithBatchRows", "a batch must have 1 row or more")
	wrong(s.chunks < 1, "WithChunks", "an answer must have 1 batch or more")
	wrong(s.emptyEvery < 0, "WithEmptyAnswers", "it must not be negative")
	wrong(s.rowsEvery < 0, "WithRowsEvery", "it must not be negative")
	wrong(s.refusal > RefuseMock, "WithRefusal", "there is no such form")
	wrong(s.resumeDelay < 0, "WithResumeDelay", "it must not be negative")
	wrong(s.latency < 0, "WithLatency", "it must not be negative")
	wrong(s.readTimeout < 0, "WithReadTimeout", "it must not be negative")
	wrong(s.replicas < 1, "WithReplicas", "an ingress has 1 replica or more")
	wrong(s.replicaLag < 0, "WithReplicas", "the lag must not be negative")
	wrong(s.maxStreams < 1, "WithMaxStreams", "a connection must have 1 stream or more")
	wrong((s.user == "") != (s.token == ""), "WithCredentials", "set both a user and a token")
	wrong(s.bearer != nil && s.user != "", "WithBearer", "with a bearer there is no user and no token")
	wrong(s.memory && s.engines != nil, "WithEngineListeners", "there are no addresses in memory")
	return errors.Join(errs...)
}

// empty reports whether an answer of getNextResultBatchV2, counted from 1, is to be empty.
func (s *settings) empty(answer int) bool {
	return s.emptyEvery > 0 && answer%s.emptyEvery == 0 || s.rowsEvery > 0 && answer%s.rowsEvery != 0
}

// WithEngine sets the SQL engine. Default: a CannedEngine.
func WithEngine(e Engine) Option { return func(s *settings) { s.engine = e } }

// WithListenAddr sets the address to listen on. Default: 127.0.0.1:0.
func WithListenAddr(addr string) Option { return func(s *settings) { s.listen = addr } }

// WithEngineListeners serves the two engines at addresses of their own too,
// without an ingress in front, for use behind a real proxy: there they refuse
// nothing in any state of the sides, and no fault applies to them.
func WithEngineListeners(blue, green string) Option {
	return func(s *settings) { s.engines = map[fsm.Side]string{fsm.Blue: blue, fsm.Green: green} }
}

// InMemory listens on no socket. Clients use Cluster.Dialer. Such a cluster can
// live in a testing/synctest bubble, where its waits take fake time.
func InMemory() Option { return func(s *settings) { s.memory = true } }

// WithActive sets the side that is open at the beginning. Default: blue.
func WithActive(side fsm.Side) Option { return func(s *settings) { s.active = side } }

// WithCredentials sets the only user and token that are accepted. By default any
// are that are not empty.
func WithCredentials(user, token string) Option {
	return func(s *settings) { s.user, s.token = user, token }
}

// WithBearer replaces logins by OAuth: every call must carry a bearer token that
// accepts takes, and no session.
func WithBearer(accepts func(token string) bool) Option {
	return func(s *settings) { s.bearer = accepts }
}

// WithClusterName makes the ingress refuse calls that do not name that cluster
// in their cluster-name header.
func WithClusterName(name string) Option { return func(s *settings) { s.name = name } }

// WithBatchRows sets how many rows a batch has at the most. Default: 1,000.
func WithBatchRows(n int) Option { return func(s *settings) { s.batchRows = n } }

// WithNewFetch sets whether the engines have getNextResultBatchV2. Default: true.
func WithNewFetch(on bool) Option { return func(s *settings) { s.newFetch = on } }

// WithChunks sets how many batches one answer of getNextResultBatchV2 holds.
// Default: 3.
func WithChunks(n int) Option { return func(s *settings) { s.chunks = n } }

// WithEmptyAnswers makes every n-th answer of getNextResultBatchV2 an empty one
// that does not end the result; with 1 all are, and no result ends. Default: 0,
// none.
func WithEmptyAnswers(n int) Option { return func(s *settings) { s.emptyEvery = n } }

// WithRowsEvery makes only every n-th answer of getNextResultBatchV2 one with rows; the
// others are empty and do not end the result. Default: 0, all have rows.
func WithRowsEvery(n int) Option { return func(s *settings) { s.rowsEvery = n } }

// WithTLS serves over TLS.
func WithTLS(c *tls.Config) Option { return func(s *settings) { s.tls = c } }

// WithRefusal sets the form of refusals. Default: RefuseHTTP.
func WithRefusal(r Refusal) Option { return func(s *settings) { s.refusal = r } }

// WithResumeDelay sets how long a resume takes. Default: nothing.
func WithResumeDelay(d time.Duration) Option { return func(s *settings) { s.resumeDelay = d } }

// WithMaxStreams sets how many calls the ingress lets run at once on one connection, and
// an engine's own listener too. Further calls wait in the client. Default: 100, as
// HAProxy has it and Envoy mostly.
func WithMaxStreams(n int) Option { return func(s *settings) { s.maxStreams = n } }

// WithReplicas sets the number of replicas of the ingress in front of the same two engines.
// Connections are distributed round-robin. Opening and closing a side reaches the first
// replica at once, and each further one lag after the previous one. Default: 1.
func WithReplicas(n int, lag time.Duration) Option {
	return func(s *settings) { s.replicas, s.replicaLag = n, lag }
}

// WithLatency makes every call take that long before it is looked at.
func WithLatency(d time.Duration) Option { return func(s *settings) { s.latency = d } }

// WithReadTimeout makes the ingress answer HTTP 504 to a call that its engine has not
// answered within that time, as nginx does with grpc_read_timeout. The engine's call is
// cancelled. Default: 0, the ingress waits.
func WithReadTimeout(d time.Duration) Option { return func(s *settings) { s.readTimeout = d } }
