package e6test

import (
	"context"
	"fmt"
	"regexp"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/e6data/e6data-go/e6/vector"
	"github.com/e6data/e6data-go/internal/sqltext"
)

// On makes the cluster answer a statement with a reply, on both sides, instead of giving
// it to the Engine. White space, comments and the case of words may differ. A ? stands
// for any value, or for a list of values as in IN (?), in the form in which a client
// writes its arguments into the text; and for itself.
//
//	cluster.On("SELECT id, name FROM users WHERE id = ?",
//		e6test.Rows(e6test.Longs("id", 7), e6test.Texts("name", "Ann")))
//	cluster.On("DELETE FROM users", e6test.Fails(codes.PermissionDenied, "no right"))
//
// Of the replies that match a statement the one that was added last counts.
func (c *Cluster) On(sql string, reply Reply) *Scripted {
	pattern := significant(sql)
	return c.script.add(reply, func(statement string) bool { return matches(pattern, significant(statement)) })
}

// OnMatch is On for every statement that the expression matches anywhere in its text.
func (c *Cluster) OnMatch(expression *regexp.Regexp, reply Reply) *Scripted {
	return c.script.add(reply, expression.MatchString)
}

// Scripted is a reply that On has added. Its methods may be called by any goroutine.
type Scripted struct {
	of         *script
	matches    func(sql string) bool
	reply      Reply
	statements []string
}

// Hits is how often a statement that matches was executed.
func (s *Scripted) Hits() int { return len(s.Statements()) }

// Statements returns the statements that were executed, in their order, as they came.
func (s *Scripted) Statements() []string {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	return append([]string(nil), s.statements...)
}

// Reply is what a scripted statement gives: made by Rows or Fails. The zero Reply is a
// result without columns and rows.
type Reply struct {
	fields []vector.Field
	batch  Batch
	err    error
}

// Fails is a reply with an error of the engine, which comes when the statement is executed.
func Fails(code codes.Code, message string) Reply { return Reply{err: status.Error(code, message)} }

// Rows is a reply with a result of these columns, which must have the same length.
// It panics if they have not.
func Rows(columns ...ColumnValues) Reply {
	var r Reply
	for i, c := range columns {
		n := c.rows()
		if i == 0 {
			r.batch.Rows = n
		}
		if n != r.batch.Rows {
			panic(fmt.Sprintf("e6test: rows: column %q has %d values, and column %q has %d", c.field.Name, n, columns[0].field.Name, r.batch.Rows))
		}
		r.fields = append(r.fields, c.field)
		r.batch.Columns = append(r.batch.Columns, c.column)
	}
	return r
}

// script holds the replies of a cluster, before its engine.
type script struct {
	mu      sync.Mutex
	replies []*Scripted
}

func (s *script) add(reply Reply, matches func(string) bool) *Scripted {
	one := &Scripted{of: s, matches: matches, reply: reply}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replies = append(s.replies, one)
	return one
}

// find returns the reply to a statement, or nil.
func (s *script) find(sql string) *Scripted {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.replies) - 1; i >= 0; i-- {
		if s.replies[i].matches(sql) {
			return s.replies[i]
		}
	}
	return nil
}

// prepareStatement takes the reply of the script, or asks the engine.
func (c *Cluster) prepareStatement(ctx context.Context, s Statement) (Prepared, error) {
	if scripted := c.script.find(s.SQL); scripted != nil {
		return scripted.prepared(s.SQL), nil
	}
	return c.set.engine.Prepare(ctx, s)
}

// dryRun checks a statement; a scripted one is right.
func (c *Cluster) dryRun(ctx context.Context, s Statement) (string, error) {
	if c.script.find(s.SQL) != nil {
		return "ok", nil
	}
	return c.set.engine.DryRun(ctx, s)
}

// prepared is a scripted statement on its way.
func (s *Scripted) prepared(sql string) Prepared {
	p := cannedPrepared{sql: sql, run: func(context.Context) (Result, error) {
		s.of.mu.Lock()
		s.statements = append(s.statements, sql)
		s.of.mu.Unlock()
		if s.reply.err != nil {
			return nil, s.reply.err
		}
		batch := s.reply.batch
		return &cannedResult{fields: s.reply.fields, rows: batch.Rows, make: batch.slice}, nil
	}}
	if n := placeholders(sql); n > 0 {
		return &scriptedParams{p, n}
	}
	return &p
}

// scriptedParams is a scripted statement with placeholders, whose values do not matter.
type scriptedParams struct {
	cannedPrepared
	want int
}

var _ Parameterized = (*scriptedParams)(nil)

func (p *scriptedParams) Parameters() []string { return make([]string, p.want) }

func (p *scriptedParams) Bind(context.Context, []Parameter) error { return nil }

// placeholders is the number of question marks outside of literals and quoted names.
func placeholders(sql string) (n int) {
	for t := range sqltext.Tokens(sql) {
		if t.Is("?") {
			n++
		}
	}
	return n
}
