package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"time"

	"google.golang.org/grpc"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/vector"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// ErrNoSide: a cluster cannot be tested, as no side accepts.
var ErrNoSide = errors.New("no side of the cluster accepts: 'e6 doctor' shows the cause")

// prober tests one side of a cluster.
type prober struct {
	calls
	c               *conn
	side, session   string
	catalog, schema string
	secrets         *secrets // which no answer may show
}

// keep keeps texts out of the answers.
func (p *prober) keep(texts ...string) { p.secrets.keep(texts...) }

// Probe tests, with statements that only read, behaviour that is not known about
// engines in general, and writes the questions and the answers as Markdown. The text has
// no token, no session, no id and no host name. The error is ErrNoSide, or that of the
// writer or of ctx.
func Probe(ctx context.Context, w io.Writer, cfg e6.Config) error {
	hidden := new(secrets)
	cfg = hidden.of(cfg)
	user, token, err := credentialsOf(ctx, cfg)
	if err != nil {
		return err
	}
	c, err := dial(cfg)
	if err != nil {
		return err
	}
	defer func() { _ = c.cc.Close() }()
	answers := map[string]sideAnswer{}
	var p *prober
	for _, side := range sideNames {
		a := c.test(ctx, side, user, token)
		answers[side] = a
		if a.outcome == accepts && p == nil {
			p = &prober{calls: c.to(side, ""), c: c, side: side, session: a.session, catalog: cfg.Catalog, schema: cfg.Schema, secrets: hidden}
		}
	}
	if p == nil {
		return ErrNoSide
	}
	to, _ := routeTo(cfg.Address)
	first, _ := to.first()
	ips, _ := net.DefaultResolver.LookupHost(ctx, first) // which errors of the network name
	p.keep(append(ips, first, to.host, cfg.ServerName, answers[sideNames[0]].session, answers[sideNames[1]].session)...)
	if _, err := fmt.Fprintf(w, "# How a cluster behaves\n\ne6 with gRPC %s, %s, %s.\n\n| question | answer |\n|---|---|\n",
		grpc.Version, runtime.Version(), time.Now().UTC().Format(time.DateOnly)); err != nil {
		return err
	}
	for _, q := range append(sideQuestions(answers), questions...) {
		within, cancel := context.WithTimeout(ctx, step)
		answer := q.test(within, p)
		cancel()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if _, err := fmt.Fprintf(w, "| %s | %s |\n", q.text, p.cell(answer)); err != nil {
			return err
		}
	}
	return nil
}

// cell is an answer as a cell of a table.
func (p *prober) cell(answer string) string {
	answer = p.secrets.mask(answer)
	answer = strings.NewReplacer("|", `\|`, "\r", "", "\n", " ").Replace(answer)
	const most = 400
	if len(answer) > most {
		answer = strings.ToValidUTF8(answer[:most], "") + "..."
	}
	return answer
}

// statement is one that is prepared.
type statement struct {
	p       *prober
	id      string
	planner string
	engine  calls
}

// prepare prepares a statement.
func (p *prober) prepare(ctx context.Context, sql string) (*statement, error) {
	var answer *e6xv1.PrepareStatementResponse
	var err error
	if p.catalog != "" {
		answer, err = p.PrepareStatementV2(ctx, &e6xv1.PrepareStatementV2Request{SessionId: p.session, Catalog: p.catalog, Schema: p.schema, QueryString: sql})
	} else {
		answer, err = p.PrepareStatement(ctx, &e6xv1.PrepareStatementRequest{SessionId: p.session, Schema: p.schema, QueryString: sql})
	}
	if err != nil {
		return nil, err
	}
	p.keep(answer.GetQueryId(), answer.GetEngineIP(), answer.GetSessionId())
	return &statement{p: p, id: answer.GetQueryId(), planner: answer.GetEngineIP(), engine: p.c.to(p.side, answer.GetEngineIP())}, nil
}

// execute runs it, with parameters if there are any.
func (s *statement) execute(ctx context.Context, params ...*e6xv1.ParameterValue) error {
	_, err := s.engine.ExecuteStatementV2(ctx, &e6xv1.ExecuteStatementV2Request{
		EngineIP: s.planner, SessionId: s.p.session, QueryId: s.id, ShouldNotCache: true, Params: params})
	return err
}

// clear frees it on the server, even if ctx has ended.
func (s *statement) clear(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), step)
	defer cancel()
	_, err := s.engine.ClearOrCancelQuery(ctx, &e6xv1.ClearOrCancelQueryRequest{EngineIP: s.planner, SessionId: s.p.session, QueryId: s.id})
	return err
}

// run prepares and executes a statement and gives it to use, and frees it.
func (p *prober) run(ctx context.Context, sql string, use func(s *statement) string, params ...*e6xv1.ParameterValue) string {
	s, err := p.prepare(ctx, sql)
	if err != nil {
		return "prepare: " + raw(err)
	}
	defer func() { _ = s.clear(ctx) }()
	if err := s.execute(ctx, params...); err != nil {
		return "execute: " + raw(err)
	}
	return use(s)
}

// fetch returns the next batch as it came, and nothing at the end.
func (s *statement) fetch(ctx context.Context) ([]byte, error) {
	answer, err := s.engine.GetNextResultBatch(ctx, &e6xv1.GetNextResultBatchRequest{EngineIP: s.planner, SessionId: s.p.session, QueryId: s.id})
	return answer.GetResultBatch(), err
}

// row runs a statement and returns its first row as text.
func (p *prober) row(ctx context.Context, sql string, params ...*e6xv1.ParameterValue) string {
	return p.run(ctx, sql, func(s *statement) string {
		text, err := s.fetch(ctx)
		if err != nil {
			return "fetch: " + raw(err)
		}
		batch, err := vector.Decode(text, nil)
		if err != nil {
			return err.Error()
		}
		if batch.Rows() == 0 {
			return "no row"
		}
		var cells []string
		for i := range batch.NumColumns() {
			c := batch.Column(i)
			text := "`" + c.Text(0) + "`"
			if c.IsNull(0) {
				text = "NULL"
			}
			cells = append(cells, c.Type().String()+" "+text)
		}
		return strings.Join(cells, ", ")
	}, params...)
}
