package e6otel_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"google.golang.org/grpc/codes"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/auth"
	"github.com/e6data/e6data-go/e6/debug"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/hook"
	e6otel "github.com/e6data/e6data-go/e6/otel"
	"github.com/e6data/e6data-go/e6/sqldriver"
	"github.com/e6data/e6data-go/e6/store"
)

// Secrets that a full run is given. The sessions come from the cluster.
const (
	plantedToken    = "planted-Token-7f3a"
	plantedRejected = "planted-Rejected-91cc"
	plantedBearer   = "planted-Bearer-44d0"
	plantedDSN      = "planted-DSN-2b8e"
	plantedLiteral  = "8273645190273" // the engine of the tests knows numbers only
	plantedArgument = "9182736450918"
)

// record collects all text that a run prints or publishes. Many goroutines write to it.
type record struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (r *record) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all.Write(b)
}

// keep prints a value with every usual verb and encoder.
func (r *record) keep(values ...any) {
	for _, v := range values {
		_, _ = fmt.Fprintf(r, "%v\n%+v\n%#v\n%s\n%q\n%x\n", v, v, v, v, v, v)
		if text, err := json.Marshal(v); err == nil {
			_, _ = fmt.Fprintf(r, "%s\n", text)
		}
	}
}

// failure prints an error and all that it wraps.
func (r *record) failure(err error) {
	if err == nil {
		return
	}
	r.keep(err)
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		r.failure(e.Unwrap())
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			r.failure(inner)
		}
	}
}

func (r *record) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all.String()
}

// requireNo searches for a secret as it is and in its encoded forms.
func (r *record) requireNo(t *testing.T, secret string) {
	t.Helper()
	text := r.text()
	for _, form := range []string{
		secret, url.QueryEscape(secret), hex.EncodeToString([]byte(secret)), base64.StdEncoding.EncodeToString([]byte(secret)),
		strings.Trim(fmt.Sprint([]byte(secret)), "[]"),
	} {
		if at := strings.Index(text, form); at >= 0 {
			require.Fail(t, "a secret shows", "%s in: …%s…", secret, text[max(0, at-200):min(len(text), at+len(form)+100)])
		}
	}
}

// panicking is a hook that panics while it holds the statement.
type panicking struct{}

var _ hook.QueryHook = panicking{}

func (panicking) QueryStart(context.Context, hook.QueryStart) context.Context { panic("a hook fails") }
func (panicking) QueryEnd(context.Context, hook.QueryEnd)                     {}

// run uses every method of a client, and makes each fail.
func (r *record) run(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
	ctx := t.Context()
	r.keep(client)
	statement := "SELECT " + plantedLiteral
	argument, err := strconv.ParseInt(plantedArgument, 10, 64)
	require.NoError(t, err)
	query := func(sql string, args ...any) {
		_, err := client.QueryAll(ctx, sql, args...)
		r.failure(err)
	}
	query(statement)
	query("SELECT ?", argument)
	query("INSERT INTO t VALUES (?)", argument)
	query("SELECT "+plantedLiteral, argument) // too many arguments
	for _, fault := range []e6test.Fault{
		{Method: "prepareStatement", Action: e6test.Fail, Code: codes.InvalidArgument, Message: "no such column"},
		{Method: "prepareStatement", Action: e6test.Fail, Code: codes.Internal, Message: "Access denied. Invalid session"},
		{Method: "executeStatement", Action: e6test.BreakAfter},
		{Method: "executeStatement", Action: e6test.Fail, Code: codes.ResourceExhausted, Message: "too much"},
		{Method: "getResultMetadata", Action: e6test.Garbage},
		{Method: "getNextResultBatchV2", Action: e6test.Garbage},
		{Method: "getNextResultBatchV2", Action: e6test.BreakBefore},
		{Method: "prepareStatement", Action: e6test.BadGateway},
		{Method: "prepareStatement", Action: e6test.Announce, Message: "purple"},
	} {
		undo := cluster.Inject(fault).Remove
		query(statement)
		undo()
		query("INSERT INTO t VALUES (" + plantedLiteral + ")")
	}
	cluster.Suspend()
	query(statement)
	cluster.ExpireSessions()
	query(statement)
	rows, err := client.Query(e6.WithQueryOptions(ctx, e6.Replay(e6.ReplayNever)), "SELECT * FROM numbers(7654321)")
	if err == nil {
		rows.Next()
		r.keep(rows.Handle())
	}
	require.NoError(t, cluster.Cutover(ctx, e6test.Cutover{To: cluster.Active().Other(), Kind: e6test.Abrupt, EngineGone: true}))
	query(statement)
	if err == nil {
		for rows.Next() {
		}
		r.failure(rows.Err())
		require.NoError(t, rows.Close())
	}
	require.NoError(t, cluster.Cutover(ctx, e6test.Cutover{To: cluster.Active().Other(), Kind: e6test.Graceful}))
	query(statement)
	r.failure(client.Rollback(ctx, "to a side that refuses"))
	cluster.OpenSide(cluster.Active().Other())
	r.failure(client.Rollback(ctx, "a test"))
	done, cancel := context.WithCancel(ctx)
	cancel()
	r.failure(client.Exec(done, statement))

	r.keep(client.Health(), client.Strategy(), client)
	for _, e := range client.History() {
		r.keep(e, e.Data, e.Attrs())
	}
	page := debug.Handler(client)
	for _, path := range []string{"/", "/state.json"} {
		answer := httptest.NewRecorder()
		page.ServeHTTP(answer, httptest.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1"+path, nil))
		_, _ = io.Copy(r, answer.Result().Body)
	}
}

func TestSecrets_NoneInTheOutputOfAFullRun(t *testing.T) {
	var seen record
	handlers := []slog.Handler{
		slog.NewTextHandler(&seen, &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true}),
		slog.NewJSONHandler(&seen, &slog.HandlerOptions{Level: slog.LevelDebug}),
	}
	server := httptest.NewTLSServer(http.NotFoundHandler())
	certificate := server.TLS.Certificates[0]
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	server.Close()
	serverTLS := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}

	clusters := []*e6test.Cluster{
		start(t, e6test.WithCredentials("user@example.com", plantedToken)),
		start(t, e6test.WithTLS(serverTLS), e6test.WithBearer(func(token string) bool { return token == plantedBearer })),
	}
	kept := t.TempDir()
	files, err := store.OpenFile(store.FileOptions{Dir: kept})
	require.NoError(t, err)
	for i, cluster := range clusters {
		cfg := config(cluster)
		cfg.LogLevel, cfg.GRPCLogLevel, cfg.StrategyLogLevel = slog.LevelDebug, slog.LevelDebug, slog.LevelDebug
		if cfg.Token = plantedToken; i == 1 {
			cfg.User, cfg.Token, cfg.Bearer = "", "", auth.Static(plantedBearer)
			cfg.TLS, cfg.CAPEM, cfg.ServerName = true, ca, "example.com"
		}
		seen.keep(cfg, &cfg, []e6.Config{cfg}, struct{ C e6.Config }{cfg})
		rig := newRig(t, e6otel.WithQueryText(e6otel.QueryTextSanitized))
		client := rig.open(t, cfg, e6.WithLogger(slog.New(handlers[i])), e6.WithQueryHook(panicking{}), e6.WithStore(files))
		seen.run(t, cluster, client)
		require.Eventually(t, func() bool {
			record, err := files.Load(t.Context(), cfg.Address+"/")
			seen.keep(record)
			return err == nil && record.Version > 0 && (i == 1 || len(record.Vetoes) > 0) // the rollback leaves one
		}, 10*time.Second, time.Millisecond)
		require.NoError(t, client.Close())
		seen.failure(client.Exec(t.Context(), "SELECT "+plantedLiteral))
		var metrics metricdata.ResourceMetrics
		require.NoError(t, rig.reader.Collect(t.Context(), &metrics))
		seen.keep(metrics)
		spans := rig.spans.GetSpans()
		require.NotEmpty(t, spans)
		for _, s := range spans {
			seen.keep(s.Name, s.Attributes, s.Events, s.Status)
		}
	}
	seen.refused(t, clusters[0], clusters[1])
	require.NoError(t, files.Close())
	shared, err := os.ReadDir(kept)
	require.NoError(t, err)
	require.NotEmpty(t, shared)
	for _, file := range shared {
		text, err := os.ReadFile(filepath.Join(kept, file.Name()))
		require.NoError(t, err)
		_, _ = seen.Write(text)
	}

	text := seen.text()
	for _, shown := range []string{"level=DEBUG", `"level":"DEBUG"`, "db.query.text", "SELECT", "query_lost", "hook_failed", "credentials are rejected", "x509"} {
		require.True(t, strings.Contains(text, shown), "the run is not full: there is no %s in it", shown)
	}
	secrets := []string{plantedToken, plantedRejected, plantedBearer, plantedDSN, plantedLiteral, plantedArgument}
	for session := range clusters[0].Stats().CallsBySession {
		if session != "" {
			secrets = append(secrets, session)
		}
	}
	require.Greater(t, len(secrets), 7, "the sessions are known")
	for _, secret := range secrets {
		seen.requireNo(t, secret)
	}
}

// refused records the errors of invalid configurations and credentials.
func (r *record) refused(t *testing.T, guarded, encrypted *e6test.Cluster) {
	cfg := config(guarded)
	cfg.Token = plantedRejected
	_, err := e6.Open(t.Context(), cfg)
	require.Error(t, err)
	r.failure(err)
	cfg.TLS, cfg.Prefetch = true, -1
	_, err = e6.Open(t.Context(), cfg)
	require.Error(t, err)
	r.failure(err)
	cfg.Prefetch = 0
	for _, dsn := range []string{
		"e6s://me:" + plantedDSN + "@example.com:443/a/b/c?tls=perhaps",
		"e6://me:" + plantedDSN + "@example.com:80/", "e6://me:" + plantedDSN + "/@example.com:80/",
		"postgres://me:" + plantedDSN + "@example.com/",
	} {
		_, err := sqldriver.Driver{}.OpenConnector(dsn)
		require.Error(t, err, dsn)
		r.failure(err)
	}
	cfg.Address = encrypted.Addr() // the certificate is signed by an unknown authority, for which Open does not wait
	_, err = e6.Open(t.Context(), cfg)
	require.Error(t, err)
	require.NotErrorIs(t, err, e6.ErrCredentials)
	r.failure(err)
}
