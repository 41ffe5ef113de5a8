package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/e6data/e6data-go/e6"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// sideNames are the sides as the header has them.
var sideNames = []string{checkBlue, checkGreen}

// sideAnswer is what a side says to a login, or with a bearer to a harmless call.
type sideAnswer struct {
	outcome   outcome
	form      string
	session   string
	announced string
	took      time.Duration
	reply     reply
}

// cluster checks what the cluster answers.
func (r *Report) cluster(ctx context.Context, cfg e6.Config) *Client {
	later := []string{checkBlue, checkGreen, checkSides, checkStatus, checkLatency, checkClock, checkQuery}
	cfg = r.secrets.of(cfg)
	user, token, err := loginOf(ctx, cfg)
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
	for _, side := range sideNames {
		answers[side] = c.ask(ctx, side, user, token)
		r.secrets.keep(answers[side].session)
	}
	r.accepted(cfg, answers)
	for _, side := range sideNames {
		r.side(side, answers[side])
	}
	r.active = r.sides(answers)
	r.status(ctx, c, answers, user, token)
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
// asked for, too.
func loginOf(ctx context.Context, cfg e6.Config) (user, token string, err error) {
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

// ask asks a side whether it accepts.
func (c *conn) ask(ctx context.Context, side, user, token string) sideAnswer {
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
	a.outcome, a.form = a.reply.judge()
	if c.auth != nil || a.outcome != accepts || a.session != "" {
		return a
	}
	// An engine has answered, and there is no session. Only an answer without an
	// error says that the credentials are wrong.
	switch status.Code(a.reply.err) {
	case codes.OK:
		a.outcome = denies
	case codes.Unimplemented:
		a.outcome = foreign
	default:
		a.outcome = fails
	}
	return a
}

func (r *Report) accepted(cfg e6.Config, answers map[string]sideAnswer) {
	kind := "the user and the token"
	if cfg.Bearer != nil {
		kind = "the bearer"
	}
	any := func(o outcome) bool {
		return slices.ContainsFunc(sideNames, func(side string) bool { return answers[side].outcome == o })
	}
	switch {
	case any(accepts):
		r.ok(checkCredentials, "the cluster takes %s", kind)
	case any(denies):
		r.add(checkCredentials, Fail, "the cluster rejects "+kind, "check them: a personal access token belongs to the e-mail address of its user, and may have expired")
	default:
		r.skip("no side has looked at them", checkCredentials)
	}
}

func (r *Report) side(side string, a sideAnswer) {
	switch a.outcome {
	case accepts:
		seen := "accepts, in " + round(a.took).String()
		if a.announced != "" {
			seen += ", and names " + a.announced + " for new queries"
		}
		r.ok(side, "%s", seen)
	case refuses:
		r.ok(side, "refuses, as it is not active: %s", a.form)
	case asleep:
		r.add(side, Warn, "is suspended: "+a.form, "")
	case denies:
		r.add(side, Fail, strings.TrimSuffix("rejects the credentials: "+a.form, ": "), "")
	case fails:
		r.add(side, Fail, "cannot log anybody in: "+a.form, "the engine fails for a reason of its own: see its log")
	case foreign:
		r.add(side, Fail, "is no cluster: "+a.form, "another program answers here: check the host and the port")
	case unreachable:
		r.add(side, Fail, "does not answer: "+a.form, "check that this port is the cluster's gRPC port, and that --tls is as the server wants it")
	default:
		r.add(side, Fail, "gives an answer that clients do not know: "+a.form,
			"if the side is only not active, its proxy refuses in a new form: report this text")
	}
}

// sides tells which side is active.
func (r *Report) sides(answers map[string]sideAnswer) (active string) {
	var open []string
	sleeps := false
	for _, side := range sideNames {
		switch answers[side].outcome {
		case accepts:
			open = append(open, side)
		case asleep:
			sleeps = true
		}
	}
	switch {
	case len(open) == 2:
		active = open[0]
		if named := answers[active].announced; slices.Contains(open, named) {
			active = named
		}
		r.add(checkSides, Warn, "both sides accept", "nothing, if the cluster is being deployed now; otherwise the ingress does not tell the sides apart")
	case len(open) == 1:
		active = open[0]
		r.ok(checkSides, "%s is active", active)
	case sleeps:
		r.add(checkSides, Fail, "the cluster is suspended", "'e6 cluster resume' wakes it; so does a query, unless auto_resume is false")
	default:
		r.add(checkSides, Fail, "no side accepts", "the lines above say why")
	}
	return active
}

// status asks for the cluster's status wherever somebody answers.
func (r *Report) status(ctx context.Context, c *conn, answers map[string]sideAnswer, user, token string) {
	if c.auth != nil {
		r.skip("it is told to users with a token, and not to a bearer", checkStatus)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, step)
	defer cancel()
	var failed error
	for _, side := range sideNames {
		if o := answers[side].outcome; o != accepts && o != asleep && o != puzzling && o != fails {
			continue
		}
		answer, err := c.to(side, "").ClusterServiceClient.Status(ctx, &e6xv1.ClusterStatusRequest{User: user, Password: token})
		if err != nil {
			failed = err
			continue
		}
		switch told := e6.ClusterStatus(answer.GetStatus()); told {
		case e6.StatusActive:
			r.ok(checkStatus, "%s", told)
		case e6.StatusSuspended:
			r.add(checkStatus, Warn, string(told), "'e6 cluster resume' wakes it")
		default:
			r.add(checkStatus, Warn, string(told), "wait, or ask whoever runs the cluster")
		}
		return
	}
	if failed == nil {
		r.skip("no side can be asked", checkStatus)
		return
	}
	r.add(checkStatus, Warn, "the cluster does not tell its status: "+raw(failed), "nothing, if it can never be suspended")
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
		if o, form := to.last().judge(); o != accepts {
			r.add(checkLatency, Warn, fmt.Sprintf("call %d of %d failed: %s", len(took)+1, samples, form), "run it again: the side may just have changed")
			return
		}
		took = append(took, to.last().took)
	}
	slices.Sort(took)
	r.ok(checkLatency, "median %s, worst %s of %d calls to %s", round(took[samples/2]), round(took[samples-1]), samples, side)
}

// skew is how far clocks may be apart before tokens and certificates suffer.
const skew = 2 * time.Minute

// clock compares this machine's with that of a proxy that tells its own.
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
	r.skip("the server does not tell its time", checkClock)
}

// Client is what a client knows after a query.
type Client struct {
	Health  e6.HealthReport `json:"health"`
	History []string        `json:"history"`
}

// query runs the simplest statement through the client itself.
func (r *Report) query(ctx context.Context, cfg e6.Config) *Client {
	const sql = "SELECT 1"
	cfg.NoAutoResume = true // to look must wake nobody
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
		next := "check the catalog and the schema, and what the engine's own log says"
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
