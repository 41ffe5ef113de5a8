package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/require"
	otelprom "go.opentelemetry.io/otel/exporters/prometheus"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
	e6otel "github.com/e6data/e6data-go/e6/otel"
)

// faster is how much shorter than in deploy/prometheus/alerts.yml the times of the rules are, as a
// test cannot wait for ten minutes.
const faster = 20

// An incident is what one alert is about. It goes on until its context ends.
type incident struct {
	alert   string
	config  func(*e6.Config)
	cluster []e6test.Option
	options []e6.Option
	hook    func(ctx context.Context) e6.Option // it has the context of the incident
	run     func(s *site)
}

// A site is a program with a cluster of its own, which Prometheus scrapes.
type site struct {
	testing.TB
	ctx     context.Context
	cluster *e6test.Cluster
	client  *e6.Client
	fires   func() bool // whether its alert has fired
}

// quiet is the name of the incident that is none.
const quiet = "none"

var incidents = []incident{
	{alert: quiet, run: func(s *site) {
		var load sync.WaitGroup
		defer load.Wait()
		load.Go(func() {
			for s.pause(5 * time.Millisecond) {
				s.statement()
			}
		})
		for s.pause(2 * time.Second) {
			_ = s.cluster.Cutover(s.ctx, e6test.Cutover{To: s.client.Strategy().Active.Other(), Grace: time.Second})
		}
	}},
	{alert: "E6ClientQueriesLost", run: func(s *site) {
		s.cluster.Inject(e6test.Fault{Method: "executeStatement", Action: e6test.BreakAfter})
		require.ErrorIs(s, s.client.Exec(s.ctx, "INSERT INTO sales VALUES (7)"), e6.ErrQueryLost)
	}},
	{alert: "E6ClientWithoutSide", config: func(c *e6.Config) { c.DetectionTimeout = time.Hour }, run: func(s *site) {
		s.cluster.CloseSide(fsm.Blue)
		go s.statement()
		for !s.fires() && s.pause(100*time.Millisecond) {
		}
		s.cluster.OpenSide(fsm.Blue) // before most calls were refused for 5 minutes
		for s.pause(time.Millisecond) {
			s.statement()
		}
	}},
	{alert: "E6ClientRollback", run: func(s *site) {
		s.cluster.OpenSide(fsm.Green)
		require.NoError(s, s.client.Switch(s.ctx, fsm.Green))
		require.NoError(s, s.client.Rollback(s.ctx, "wrong plans"))
	}},
	{alert: "E6ClientLoginsFail", run: func(s *site) {
		s.cluster.Inject(e6test.Fault{Method: "authenticate", Times: -1, Action: e6test.Fail, Message: "the store of sessions is away"})
		s.cluster.ExpireSessions()
		for s.pause(20 * time.Millisecond) {
			s.statement()
		}
	}},
	{alert: "E6ClientRefusalsHigh", run: func(s *site) {
		for s.pause(20 * time.Millisecond) {
			s.cluster.Inject(e6test.Fault{Method: "prepareStatement", Action: e6test.Refuse456})
			s.statement()
		}
	}},
	{alert: "E6ClientDetectionFailed", config: func(c *e6.Config) { c.DetectionTimeout = 100 * time.Millisecond }, run: func(s *site) {
		s.cluster.CloseSide(fsm.Blue)
		require.Error(s, s.client.Exec(s.ctx, "SELECT 1"))
		s.cluster.OpenSide(fsm.Blue)
		for s.client.Strategy().Active == fsm.None && s.pause(time.Millisecond) {
			s.statement()
		}
	}},
	{alert: "E6ClientDrainDeadlinePassed", config: func(c *e6.Config) { c.DrainTimeout = 100 * time.Millisecond },
		cluster: []e6test.Option{e6test.WithBatchRows(10), e6test.WithChunks(1)}, run: func(s *site) {
			rows, err := s.client.Query(s.ctx, "SELECT * FROM numbers(5000)")
			require.NoError(s, err)
			defer rows.Close()
			require.True(s, rows.Next())
			s.cluster.OpenSide(fsm.Green)
			require.NoError(s, s.client.Switch(s.ctx, fsm.Green))
			<-s.ctx.Done()
		}},
	{alert: "E6ClientCutoversAborted", config: func(c *e6.Config) { c.ReadyTimeout = 50 * time.Millisecond }, run: func(s *site) {
		for range 4 {
			require.Error(s, s.client.Switch(s.ctx, fsm.Green))
		}
	}},
	{alert: "E6ClientVetoesRepeated", options: []e6.Option{e6.WithGuard(veto{})}, run: func(s *site) {
		s.cluster.OpenSide(fsm.Green)
		for range 4 {
			require.ErrorIs(s, s.client.Switch(s.ctx, fsm.Green), e6.ErrVetoed)
		}
	}},
	{alert: "E6ClientResumeFailed", config: func(c *e6.Config) { c.ResumeTimeout = 100 * time.Millisecond },
		cluster: []e6test.Option{e6test.WithResumeDelay(time.Hour)}, run: func(s *site) {
			s.cluster.Suspend()
			require.ErrorIs(s, s.client.Exec(s.ctx, "SELECT 1"), e6.ErrSuspended)
			s.cluster.Resume()
			s.statement()
		}},
	{alert: "E6ClientCutoverOverdue", config: func(c *e6.Config) { c.ReadyTimeout, c.DrainTimeout = time.Second, time.Second },
		hook: func(ctx context.Context) e6.Option { return e6.WithCutoverHook(hangs{ctx}) }, run: func(s *site) {
			s.cluster.OpenSide(fsm.Green)
			require.NoError(s, s.client.Switch(s.ctx, fsm.Green))
			<-s.ctx.Done()
		}},
	{alert: "E6ClientHooksFail", options: []e6.Option{e6.WithQueryHook(rash{})}, run: func(s *site) { s.statement() }},
	{alert: "E6ClientEventsDropped", run: func(s *site) {
		release := make(chan struct{})
		defer s.client.Subscribe(func(events.Event) { <-release }, events.Queue(2))()
		defer close(release)
		for s.client.Stats().EventsDropped == 0 && s.pause(time.Millisecond) {
			require.NoError(s, s.client.Reset(s.ctx))
			s.statement()
		}
	}},
}

type veto struct{}

func (veto) Guard(context.Context, *hook.Proposal) hook.Decision { return hook.Veto("peak hours") }

// hangs is a hook that states that it returns at once, and blocks at the end of a cutover. The hooks that
// observe the cutover with it, as those of OpenTelemetry, wait for it.
type hangs struct{ incident context.Context }

func (h hangs) Inline(context.Context, string) bool                                   { return true }
func (h hangs) CutoverStart(ctx context.Context, _ hook.CutoverStart) context.Context { return ctx }
func (h hangs) CutoverEnd(context.Context, hook.CutoverEnd)                           { <-h.incident.Done() }

type rash struct{}

func (rash) QueryStart(context.Context, hook.QueryStart) context.Context { panic("a hook") }
func (rash) QueryEnd(context.Context, hook.QueryEnd)                     {}

// pause waits, and reports whether the incident goes on.
func (s *site) pause(d time.Duration) bool {
	select {
	case <-s.ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// statement runs a statement whose outcome does not matter.
func (s *site) statement() {
	ctx, cancel := context.WithTimeout(s.ctx, 5*time.Second)
	defer cancel()
	_ = s.client.Exec(ctx, "SELECT 1")
}

// TestAlerts lets Prometheus scrape a program for each alert, and checks that the alert fires there and
// nowhere else.
func TestAlerts(t *testing.T) {
	enabled(t)
	t.Parallel()
	path, err := find("prometheus")
	outcome := map[string]*result{}
	for _, i := range incidents {
		outcome[i.alert] = record(t, "alerts", i.alert, "Prometheus")
	}
	if missing("Prometheus", err) {
		t.Skip("Prometheus is not installed")
	}
	require.NoError(t, err)
	setVersion("Prometheus", version(path, "--version"))

	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	targets := map[string]string{}
	sites := map[string]*site{}
	for _, i := range incidents {
		sites[i.alert], targets[i.alert] = newSite(t, ctx, i)
	}
	api := startPrometheus(t, path, targets)
	for _, i := range incidents {
		s := sites[i.alert]
		s.fires = func() bool { return firing(t, api)[i.alert][i.alert] }
		running.Go(func() { i.run(s) })
	}
	var fired map[string]map[string]bool
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the alerts that fired, by scenario: %v", fired)
		}
	})
	eventually(t, "every alert fires", func() bool {
		fired = firing(t, api)
		return !slices.ContainsFunc(incidents, func(i incident) bool { return i.alert != quiet && !fired[i.alert][i.alert] })
	})
	for _, i := range incidents {
		delete(fired[i.alert], i.alert)
		if others := slices.Sorted(maps.Keys(fired[i.alert])); len(others) > 0 {
			outcome[i.alert].fail(fmt.Sprintf("fires too: %v", others))
		}
		require.Empty(t, fired[i.alert], "alerts that fire in the scenario of %s too", i.alert)
	}
}

// newSite starts a program, and returns the address of its metrics.
func newSite(t *testing.T, ctx context.Context, i incident) (*site, string) {
	cluster, err := e6test.Start(i.cluster...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, cluster.Close()) })
	registry := prometheus.NewRegistry()
	exporter, err := otelprom.New(otelprom.WithRegisterer(registry), otelprom.WithoutScopeInfo(), otelprom.WithoutTargetInfo())
	require.NoError(t, err)
	inst, err := e6otel.New(e6otel.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(exporter))))
	require.NoError(t, err)
	cfg := config(cluster.Addr())
	cfg.HookBudget = patience // an overrun on a busy machine is no incident
	if i.config != nil {
		i.config(&cfg)
	}
	options := append(append(inst.Options(), e6.WithLogger(slog.New(slog.DiscardHandler))), i.options...)
	if i.hook != nil {
		options = append(options, i.hook(ctx))
	}
	client, err := e6.Open(ctx, cfg, options...)
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Close() })
	server := httptest.NewServer(promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	t.Cleanup(server.Close)
	return &site{TB: t, ctx: ctx, cluster: cluster, client: client}, strings.TrimPrefix(server.URL, "http://")
}

var (
	window  = regexp.MustCompile(`(\[|offset |for: )(\d+)([mh])`)
	minutes = map[string]time.Duration{"m": time.Minute, "h": time.Hour}
)

// startPrometheus returns the address of a Prometheus that has the alerts with shorter times.
func startPrometheus(t *testing.T, path string, targets map[string]string) string {
	rules, err := os.ReadFile("../../deploy/prometheus/alerts.yml")
	require.NoError(t, err)
	short := window.ReplaceAllStringFunc(string(rules), func(s string) string {
		m := window.FindStringSubmatch(s)
		n, err := strconv.Atoi(m[2])
		require.NoError(t, err)
		return fmt.Sprintf("%s%dms", m[1], (time.Duration(n) * minutes[m[3]] / faster).Milliseconds())
	})
	dir := scratch(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "alerts.yml"), []byte(short), 0o644))
	var b strings.Builder
	b.WriteString("global: {scrape_interval: 250ms, scrape_timeout: 250ms, evaluation_interval: 250ms}\nrule_files: [alerts.yml]\nscrape_configs:\n- job_name: e6\n  static_configs:\n")
	for name, addr := range targets {
		fmt.Fprintf(&b, "  - {targets: [%q], labels: {instance: %s}}\n", addr, name)
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(b.String()), 0o644))
	addr := freeAddr(t)
	listens(t, run(t, path, "--config.file", filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path", filepath.Join(dir, "data"), "--web.listen-address", addr), addr)
	return addr
}

// firing returns the alerts that fire or have fired, by instance.
func firing(t *testing.T, addr string) map[string]map[string]bool {
	resp, err := (&http.Client{Timeout: patience}).Get("http://" + addr + "/api/v1/query?query=" + url.QueryEscape(`max_over_time(ALERTS{alertstate="firing"}[10m])`))
	require.NoError(t, err)
	defer resp.Body.Close()
	var answer struct {
		Data struct {
			Result []struct{ Metric map[string]string }
		}
	}
	if resp.StatusCode != http.StatusOK || json.NewDecoder(resp.Body).Decode(&answer) != nil {
		return nil // it is not ready
	}
	all := map[string]map[string]bool{}
	for _, r := range answer.Data.Result {
		if all[r.Metric["instance"]] == nil {
			all[r.Metric["instance"]] = map[string]bool{}
		}
		all[r.Metric["instance"]][r.Metric["alertname"]] = true
	}
	return all
}
