package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/e6data/e6data-go/e6"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// sideNames are the sides as the header has them.
var sideNames = []string{checkBlue, checkGreen}

// sideAnswer is the response of a side to authenticate, or with a bearer to a harmless call.
type sideAnswer struct {
	finding
	session   string
	announced string
	took      time.Duration
	reply     reply
}

// cluster checks what the cluster answers.
func (r *Report) cluster(ctx context.Context, cfg e6.Config) *Client {
	later := []string{checkBlue, checkGreen, checkSides, checkStatus, checkLatency, checkClock, checkQuery}
	cfg = r.secrets.of(cfg)
	user, token, err := credentialsOf(ctx, cfg)
	if err != nil {
		r.add(checkCredentials, Fail, err.Error(), "check the file or the program that the token comes from")
		r.skip("there are no credentials", later...)
		return nil
	}
	c, err := dial(cfg)
	if err != nil {
		r.add(checkCredentials, Fail, err.Error(), "check the address")
		r.skip("there is no connection", later...)
		return nil
	}
	defer func() { _ = c.cc.Close() }()
	answers := map[string]sideAnswer{}
	for side, a := range c.probeBoth(ctx, user, token) {
		answers[side] = a
		r.secrets.keep(a.session)
	}
	r.accepted(cfg, answers)
	status := c.status(ctx, answers, user, token)
	for _, side := range sideNames {
		r.side(side, answers[side], status)
	}
	r.active = r.sides(answers, status)
	r.status(c, status)
	if r.active == "" {
		r.skip("no side accepts queries", checkLatency)
		r.clock(answers)
		r.skip("no side accepts queries", checkQuery)
		return nil
	}
	r.latency(ctx, c, r.active)
	r.clock(answers)
	return r.query(ctx, cfg)
}

// loginOf returns the user and the token, which are empty with a bearer: that one is
// fetched, too.
func credentialsOf(ctx context.Context, cfg e6.Config) (user, token string, err error) {
	ctx, cancel := context.WithTimeout(ctx, step)
	defer cancel()
	switch {
	case cfg.Bearer != nil:
		_, err = cfg.Bearer(ctx)
		return "", "", err
	case cfg.Credentials != nil:
		return cfg.Credentials(ctx)
	}
	return cfg.User, cfg.Token, nil
}

// probeBoth probes both sides concurrently, as a side that does not answer takes the whole timeout.
func (c *conn) probeBoth(ctx context.Context, user, token string) map[string]sideAnswer {
	answers := make([]sideAnswer, len(sideNames))
	var probes sync.WaitGroup
	for i, side := range sideNames {
		probes.Go(func() { answers[i] = c.test(ctx, side, user, token) })
	}
	probes.Wait()
	bySide := map[string]sideAnswer{}
	for i, side := range sideNames {
		bySide[side] = answers[i]
	}
	return bySide
}

// probe authenticates on a side, to see whether it accepts.
func (c *conn) test(ctx context.Context, side, user, token string) sideAnswer {
	ctx, cancel := context.WithTimeout(ctx, step)
	defer cancel()
	to := c.to(side, "")
	var a sideAnswer
	if c.auth != nil {
		_, _ = to.GetCataloges(ctx, &e6xv1.GetCatalogesRequest{}) // the reply is in to
	} else {
		answer, _ := to.Authenticate(ctx, &e6xv1.AuthenticateRequest{User: user, Password: token})
		a.session, a.announced = answer.GetSessionId(), strings.ToLower(answer.GetNewStrategy())
	}
	a.reply = to.last()
	a.took = a.reply.took
	a.finding = a.reply.classify(c.auth != nil)
	if c.auth != nil || a.outcome != accepts || a.session != "" {
		return a
	}
	// An engine has answered, and there is no session. Only an answer without an
	// error means that the credentials are wrong.
	switch status.Code(a.reply.err) {
	case codes.OK:
		a.outcome = denies
	case codes.Unimplemented:
		a.outcome, a.form = foreign, "another gRPC server answers, and no engine of e6data: "+a.form
	default:
		a.outcome = fails
	}
	return a
}

func (r *Report) accepted(cfg e6.Config, answers map[string]sideAnswer) {
	kind, next := "the user and the token", "check them: a personal access token belongs to the e-mail address of its user, and may have expired"
	if cfg.Bearer != nil {
		kind, next = "the bearer", "it may have expired, lack the rights, or be meant for another service: ask its issuer"
	}
	any := func(o outcome) bool {
		return slices.ContainsFunc(sideNames, func(side string) bool { return answers[side].outcome == o })
	}
	switch {
	case any(accepts):
		r.ok(checkCredentials, "the cluster takes %s", kind)
	case any(denies):
		r.add(checkCredentials, Fail, "the cluster rejects "+kind, next)
	default:
		r.skip("no side has looked at them", checkCredentials)
	}
}

func (r *Report) side(side string, a sideAnswer, status statusAnswer) {
	if r.wantsCertificate && a.outcome != accepts && a.outcome != refuses && a.outcome != suspended {
		// A proxy may finish the handshake without the certificate, and refuse the calls.
		a.next = "the server may require a client certificate: " + certificateRemedy
	}
	switch a.outcome {
	case accepts:
		seen := "accepts, in " + round(a.took).String()
		if a.announced != "" {
			seen += ", and names " + a.announced + " for new queries"
		}
		r.ok(side, "%s", seen)
	case refuses:
		r.ok(side, "refuses, as it is not active: %s", a.form)
	case suspended:
		seen := "is suspended"
		if status.value != e6.ClusterSuspended {
			seen += ", or has no engine behind its ingress"
		}
		r.add(side, Warn, seen+": "+a.form, "")
	case denies:
		r.add(side, Fail, strings.TrimSuffix("rejects the credentials: "+a.form, ": "), a.next)
	case fails:
		r.add(side, Fail, "fails on authenticate: "+a.form, "the engine fails for a reason of its own: see its log")
	case foreign:
		r.add(side, Fail, a.form, cmp.Or(a.next, "check the host and the port"))
	case blocked, unreachable:
		r.add(side, Fail, a.form, a.next)
	default:
		r.add(side, Fail, "gives an answer that clients do not know: "+a.form,
			"if the side is only not active, its proxy refuses in a new form: report this text")
	}
}

// sides reports the active side.
func (r *Report) sides(answers map[string]sideAnswer, status statusAnswer) (active string) {
	var open []string
	anySuspended := false
	for _, side := range sideNames {
		switch answers[side].outcome {
		case accepts:
			open = append(open, side)
		case suspended:
			anySuspended = true
		}
	}
	switch {
	case len(open) == 2:
		active = open[0]
		if named := answers[active].announced; slices.Contains(open, named) {
			active = named
		}
		r.add(checkSides, Warn, "both sides accept", "nothing, if the cluster is being deployed now; otherwise the ingress does not distinguish the sides")
	case len(open) == 1:
		active = open[0]
		r.ok(checkSides, "%s is active", active)
	case anySuspended && status.value == e6.ClusterSuspended:
		r.add(checkSides, Fail, "the cluster is suspended", "'e6 cluster resume' resumes it; so does a query, unless auto_resume is false")
	case anySuspended:
		// A proxy without a server behind it gives the same answer as a suspended cluster.
		r.add(checkSides, Fail, "no side accepts, and its status does not report a suspension",
			"the ingress may have no engine behind it: wait if the cluster is being started, otherwise ask its operator")
	default:
		r.add(checkSides, Fail, "no side accepts", "see the failed lines above")
	}
	return active
}

// statusAnswer is the response to the status call, if one was made.
type statusAnswer struct {
	value     e6.ClusterStatus
	err       error
	requested bool
}

// status reads the cluster's status from a side that can be expected to respond.
func (c *conn) status(ctx context.Context, answers map[string]sideAnswer, user, token string) (a statusAnswer) {
	if c.auth != nil {
		return a
	}
	ctx, cancel := context.WithTimeout(ctx, step)
	defer cancel()
	for _, side := range sideNames {
		if o := answers[side].outcome; o != accepts && o != suspended && o != unknownReply && o != fails {
			continue
		}
		answer, err := c.to(side, "").ClusterServiceClient.Status(ctx, &e6xv1.ClusterStatusRequest{User: user, Password: token})
		if a = (statusAnswer{e6.ClusterStatus(answer.GetStatus()), err, true}); err == nil {
			return a
		}
	}
	return a
}

// status reports the cluster's status.
func (r *Report) status(c *conn, a statusAnswer) {
	switch {
	case c.auth != nil:
		r.skip("the call needs a user and a token, and a bearer has none", checkStatus)
	case !a.requested:
		r.skip("no side responds", checkStatus)
	case a.err != nil:
		r.add(checkStatus, Warn, "the cluster does not report its status: "+raw(a.err), "nothing, if it can never be suspended")
	case a.value == e6.ClusterActive:
		r.ok(checkStatus, "%s", a.value)
	case a.value == e6.ClusterSuspended:
		r.add(checkStatus, Warn, string(a.value), "'e6 cluster resume' resumes it")
	default:
		r.add(checkStatus, Warn, string(a.value), "wait, or ask the cluster's operator")
	}
}

// samples is how many calls measure the latency.
const samples = 10

func (r *Report) latency(ctx context.Context, c *conn, side string) {
	ctx, cancel := context.WithTimeout(ctx, step)
	defer cancel()
	to := c.to(side, "")
	var took []time.Duration
	for range samples {
		_, _ = to.HealthCheck(ctx, &e6xv1.HealthCheckRequest{})
		if f := to.last().classify(c.auth != nil); f.outcome != accepts {
			r.add(checkLatency, Warn, fmt.Sprintf("call %d of %d failed: %s", len(took)+1, samples, f.form), "run it again: the side may just have changed")
			return
		}
		took = append(took, to.last().took)
	}
	slices.Sort(took)
	r.ok(checkLatency, "median %s, worst %s of %d calls to %s", round(took[samples/2]), round(took[samples-1]), samples, side)
}

// skew is how far clocks may be apart before tokens and certificates suffer.
const skew = 2 * time.Minute

// clock compares this machine's clock with the date header of the server.
func (r *Report) clock(answers map[string]sideAnswer) {
	for _, side := range sideNames {
		date := answers[side].reply.header.Get("date")
		if len(date) == 0 {
			continue
		}
		theirs, err := http.ParseTime(date[0])
		if err != nil {
			continue
		}
		if apart := time.Since(theirs).Round(time.Second); apart.Abs() > skew {
			r.add(checkClock, Warn, fmt.Sprintf("this machine's clock and the server's are %s apart", apart), "set the clock: tokens and certificates depend on it")
		} else {
			r.ok(checkClock, "as the server's, within %s", skew)
		}
		return
	}
	r.skip("the server sends no date header", checkClock)
}

// Client is what a client knows after a query.
type Client struct {
	Health  e6.HealthReport `json:"health"`
	History []string        `json:"history"`
}

// query runs the simplest statement through the client itself.
func (r *Report) query(ctx context.Context, cfg e6.Config) *Client {
	const sql = "SELECT 1"
	cfg.NoAutoResume = true // a check must not resume the cluster
	ctx, cancel := context.WithTimeout(ctx, 3*step)
	defer cancel()
	begin := time.Now()
	client, err := e6.Open(ctx, cfg)
	if err != nil {
		r.add(checkQuery, Fail, err.Error(), "run this again: the cluster may just have changed sides")
		return nil
	}
	defer func() { _ = client.Close() }()
	result, err := client.QueryAll(ctx, sql)
	if err == nil && (result.Len() != 1 || result.Batches[0].Column(0).Text(0) != "1") {
		err = fmt.Errorf("it gave %d rows, and not 1", result.Len())
	}
	if err != nil {
		next := "check the catalog and the schema, and the engine's own log"
		if errors.Is(err, context.DeadlineExceeded) {
			next = "the engine takes long for the simplest statement: it may be starting, or have too much to do"
		}
		r.add(checkQuery, Fail, sql+": "+err.Error(), next)
	} else {
		r.ok(checkQuery, "%s on %s, with login, in %s", sql, result.Handle.Side, round(time.Since(begin)))
	}
	known := &Client{Health: client.Health()}
	for _, e := range client.History() {
		known.History = append(known.History, e.Time.UTC().Format(time.RFC3339Nano)+" "+e.String())
	}
	return known
}
