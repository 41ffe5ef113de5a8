package e6test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// engineService is the QueryEngineService of one side. Its other methods are
// UNIMPLEMENTED.
type engineService struct {
	e6xv1.UnimplementedQueryEngineServiceServer
	*side
}

// accepts reports whether the credentials are right.
func (s *side) accepts(user, token string) bool {
	if s.c.set.bearer != nil {
		return true // admit has checked the bearer
	}
	if s.c.set.user != "" || s.c.set.token != "" {
		return user == s.c.set.user && token == s.c.set.token
	}
	return user != "" && token != ""
}

func (s *engineService) Authenticate(_ context.Context, r *e6xv1.AuthenticateRequest) (*e6xv1.AuthenticateResponse, error) {
	if !s.accepts(r.GetUser(), r.GetPassword()) {
		return &e6xv1.AuthenticateResponse{}, nil // the engine's response to wrong credentials: no session
	}
	return &e6xv1.AuthenticateResponse{SessionId: s.newSession(), EngineIP: &s.ip}, nil
}

func (s *engineService) HealthCheck(context.Context, *e6xv1.HealthCheckRequest) (*e6xv1.HealthCheckResponse, error) {
	return &e6xv1.HealthCheckResponse{}, nil
}

func (s *engineService) PrepareStatement(ctx context.Context, r *e6xv1.PrepareStatementRequest) (*e6xv1.PrepareStatementResponse, error) {
	return s.prepare(ctx, r.GetSessionId(), r.GetExistingQuery(), Statement{SQL: r.GetQueryString(), Schema: r.GetSchema()})
}

func (s *engineService) PrepareStatementV2(ctx context.Context, r *e6xv1.PrepareStatementV2Request) (*e6xv1.PrepareStatementResponse, error) {
	return s.prepare(ctx, r.GetSessionId(), r.GetExistingQuery(), Statement{SQL: r.GetQueryString(), Schema: r.GetSchema(), Catalog: r.GetCatalog()})
}

func (s *engineService) prepare(ctx context.Context, session string, existing *e6xv1.ExistingQuery, st Statement) (*e6xv1.PrepareStatementResponse, error) {
	if hasSemicolon(st.SQL) {
		return nil, status.Error(codes.Internal, "syntax error: unexpected ';': an engine takes one statement at a time; send the statements one by one")
	}
	began := time.Now()
	prepared, err := s.c.prepareStatement(ctx, st)
	if err != nil {
		return nil, engineError(err)
	}
	id := existing.GetQueryId()
	if existing == nil {
		id = rand.Text()
	} else if !s.leaveQueue(id) {
		return nil, status.Errorf(codes.Internal, "query %q was not admitted on %s", id, s.name)
	}
	q := &serverQuery{id: id, sql: st.SQL, session: session, prepared: prepared, parsing: time.Since(began), done: make(chan struct{})}
	if err := s.add(q); err != nil {
		q.close()
		return nil, err
	}
	return &e6xv1.PrepareStatementResponse{EngineIP: s.ip, QueryId: id, SessionId: session}, nil
}

// hasSemicolon reports whether a statement has a semicolon outside of literals,
// quoted names and comments.
func hasSemicolon(sql string) bool {
	for i := 0; i < len(sql); i++ {
		switch rest := sql[i:]; {
		case strings.HasPrefix(rest, "--"), strings.HasPrefix(rest, "//"):
			end := strings.IndexByte(rest, '\n')
			if end < 0 {
				return false
			}
			i += end
		case strings.HasPrefix(rest, "/*"):
			end := strings.Index(rest[2:], "*/")
			if end < 0 {
				return false
			}
			i += end + 3
		case rest[0] == '\'' || rest[0] == '"' || rest[0] == '`':
			for i++; i < len(sql) && sql[i] != rest[0]; i++ {
				if sql[i] == '\\' && rest[0] == '\'' {
					i++
				}
			}
		case rest[0] == ';':
			return true
		}
	}
	return false
}

func (s *engineService) ExecuteStatement(ctx context.Context, r *e6xv1.ExecuteStatementRequest) (*e6xv1.ExecuteStatementResponse, error) {
	return s.execute(ctx, r.GetQueryId(), r.GetEngineIP(), r.GetSessionId(), nil)
}

func (s *engineService) ExecuteStatementV2(ctx context.Context, r *e6xv1.ExecuteStatementV2Request) (*e6xv1.ExecuteStatementResponse, error) {
	return s.execute(ctx, r.GetQueryId(), r.GetEngineIP(), r.GetSessionId(), r.GetParams())
}

func (s *engineService) execute(ctx context.Context, id, ip, session string, params []*e6xv1.ParameterValue) (*e6xv1.ExecuteStatementResponse, error) {
	q, err := s.query(id, ip)
	if err == nil {
		err = engineError(q.bind(ctx, params))
	}
	if err == nil {
		err = q.execute(s.side)
	}
	if err != nil {
		return nil, err
	}
	return &e6xv1.ExecuteStatementResponse{SessionId: session}, nil
}

func (s *engineService) GetResultMetadata(ctx context.Context, r *e6xv1.GetResultMetadataRequest) (*e6xv1.GetResultMetadataResponse, error) {
	q, err := s.finished(ctx, r.GetQueryId(), r.GetEngineIP())
	if err != nil {
		return nil, err
	}
	md := EncodeMetadata(q.rows, q.fields)
	if faultOf(ctx).Action == Garbage {
		md = garbage()
	}
	return &e6xv1.GetResultMetadataResponse{ResultMetaData: md, SessionId: r.GetSessionId()}, nil
}

// finished finds a query and waits for the end of its execution.
func (s *engineService) finished(ctx context.Context, id, ip string) (*serverQuery, error) {
	q, err := s.query(id, ip)
	if err != nil {
		return nil, err
	}
	return q, q.wait(ctx)
}

func (s *engineService) GetNextResultBatch(ctx context.Context, r *e6xv1.GetNextResultBatchRequest) (*e6xv1.GetNextResultBatchResponse, error) {
	q, err := s.finished(ctx, r.GetQueryId(), r.GetEngineIP())
	if err != nil {
		return nil, err
	}
	chunks, _, err := s.fetch(ctx, q, 1, func(int) bool { return false })
	if err != nil {
		return nil, err
	}
	answer := &e6xv1.GetNextResultBatchResponse{SessionId: r.GetSessionId()}
	if len(chunks) > 0 {
		answer.ResultBatch = chunks[0]
	}
	return answer, nil
}

func (s *engineService) GetNextResultBatchV2(ctx context.Context, r *e6xv1.GetNextResultBatchRequest) (*e6xv1.GetNextResultBatchV2Response, error) {
	if !s.c.set.newFetch {
		return nil, status.Error(codes.Unimplemented, "getNextResultBatchV2 is switched off")
	}
	q, err := s.finished(ctx, r.GetQueryId(), r.GetEngineIP())
	if err != nil {
		return nil, err
	}
	answer := &e6xv1.GetNextResultBatchV2Response{SessionId: r.GetSessionId()}
	answer.ResultBatches, answer.EndOfStream, err = s.fetch(ctx, q, s.c.set.chunks, s.c.set.empty)
	return answer, err
}

// fetch moves the cursor by at most n batches, and by none in an answer that is to be
// empty; answers are counted from 1.
func (s *engineService) fetch(ctx context.Context, q *serverQuery, n int, empty func(answer int) bool) (chunks [][]byte, end bool, err error) {
	q.fetching.Lock()
	defer q.fetching.Unlock()
	if q.freed {
		return nil, false, unknownQuery(q.id, s.ip)
	}
	if q.answers++; empty(q.answers) {
		return nil, false, nil
	}
	fault := faultOf(ctx)
	if fault.Action == Short {
		return nil, true, nil
	}
	for len(chunks) < n {
		batch, err := q.result.Next(ctx, s.c.set.batchRows)
		if errors.Is(err, io.EOF) {
			return chunks, true, nil
		}
		if err != nil {
			return nil, false, engineError(err)
		}
		chunk, err := EncodeBatch(*batch)
		if err != nil {
			return nil, false, engineError(err)
		}
		if fault.Action == Garbage {
			chunk = garbage()
		}
		chunks = append(chunks, chunk)
	}
	return chunks, false, nil
}

// garbage is noise that is neither a batch nor metadata.
func garbage() []byte { return []byte(strings.Repeat("\x7f\xde\xad\xbe\xef", 20)) }

func (s *engineService) Status(_ context.Context, r *e6xv1.StatusRequest) (*e6xv1.StatusResponse, error) {
	q, err := s.query(r.GetQueryId(), r.GetEngineIP())
	if err != nil {
		return nil, err
	}
	answer := &e6xv1.StatusResponse{SessionId: r.GetSessionId()}
	if q.state() == "done" {
		if err := q.outcome(); err != nil {
			return nil, err
		}
		answer.Status, answer.RowCount = true, q.rows
	}
	return answer, nil
}

func (s *engineService) Clear(_ context.Context, r *e6xv1.ClearRequest) (*e6xv1.ClearResponse, error) {
	return &e6xv1.ClearResponse{SessionId: r.GetSessionId()}, s.remove(r.GetQueryId(), r.GetEngineIP())
}

func (s *engineService) ClearOrCancelQuery(_ context.Context, r *e6xv1.ClearOrCancelQueryRequest) (*e6xv1.ClearOrCancelQueryResponse, error) {
	return &e6xv1.ClearOrCancelQueryResponse{SessionId: r.GetSessionId()}, s.remove(r.GetQueryId(), r.GetEngineIP())
}

func (s *engineService) CancelQuery(_ context.Context, r *e6xv1.CancelQueryRequest) (*e6xv1.CancelQueryResponse, error) {
	q, err := s.query(r.GetQueryId(), r.GetEngineIP())
	if err != nil {
		return nil, err
	}
	q.abort()
	return &e6xv1.CancelQueryResponse{SessionId: r.GetSessionId()}, nil
}

func (s *engineService) Explain(ctx context.Context, r *e6xv1.ExplainRequest) (*e6xv1.ExplainResponse, error) {
	q, err := s.query(r.GetQueryId(), r.GetEngineIP())
	if err != nil {
		return nil, err
	}
	plan, err := q.prepared.Explain(ctx)
	return &e6xv1.ExplainResponse{Explain: plan, SessionId: r.GetSessionId()}, engineError(err)
}

func (s *engineService) ExplainAnalyze(ctx context.Context, r *e6xv1.ExplainAnalyzeRequest) (*e6xv1.ExplainAnalyzeResponse, error) {
	q, err := s.finished(ctx, r.GetQueryId(), r.GetEngineIP())
	if err != nil {
		return nil, err
	}
	plan, err := q.prepared.Explain(ctx)
	if err != nil {
		return nil, engineError(err)
	}
	text, err := json.Marshal(map[string]any{
		"total_query_time": ms(q.parsing + q.took), "executionQueueingTime": ms(q.queued), "parsingTime": ms(q.parsing),
		"row_count": q.rows, "plan": plan,
	})
	return &e6xv1.ExplainAnalyzeResponse{ExplainAnalyze: string(text), SessionId: r.GetSessionId()}, err
}

// ms is a time in milliseconds, with three digits behind the point.
func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func (s *engineService) DryRun(ctx context.Context, r *e6xv1.DryRunRequest) (*e6xv1.DryRunResponse, error) {
	text, err := s.c.dryRun(ctx, Statement{SQL: r.GetQueryString(), Schema: r.GetSchema()})
	return &e6xv1.DryRunResponse{DryrunValue: text}, engineError(err)
}

func (s *engineService) DryRunV2(ctx context.Context, r *e6xv1.DryRunRequestV2) (*e6xv1.DryRunResponse, error) {
	text, err := s.c.dryRun(ctx, Statement{SQL: r.GetQueryString(), Schema: r.GetSchema(), Catalog: r.GetCatalog()})
	return &e6xv1.DryRunResponse{DryrunValue: text}, engineError(err)
}

func (s *engineService) GetCataloges(ctx context.Context, _ *e6xv1.GetCatalogesRequest) (*e6xv1.GetCatalogesResponse, error) {
	catalogs, err := s.c.set.engine.Catalogs(ctx)
	answer := &e6xv1.GetCatalogesResponse{}
	for _, c := range catalogs {
		answer.CatalogResponses = append(answer.CatalogResponses, &e6xv1.CatalogResponse{Name: c.Name, IsDefault: c.Default})
	}
	return answer, engineError(err)
}

func (s *engineService) GetSchemaNames(ctx context.Context, r *e6xv1.GetSchemaNamesRequest) (*e6xv1.GetSchemaNamesResponse, error) {
	return s.schemas(ctx, "", r.GetSessionId())
}

func (s *engineService) GetSchemaNamesV2(ctx context.Context, r *e6xv1.GetSchemaNamesV2Request) (*e6xv1.GetSchemaNamesResponse, error) {
	return s.schemas(ctx, r.GetCatalog(), r.GetSessionId())
}

func (s *engineService) schemas(ctx context.Context, catalog, session string) (*e6xv1.GetSchemaNamesResponse, error) {
	names, err := s.c.set.engine.Schemas(ctx, catalog)
	return &e6xv1.GetSchemaNamesResponse{Schemas: names, SessionId: session}, engineError(err)
}

func (s *engineService) GetTables(ctx context.Context, r *e6xv1.GetTablesRequest) (*e6xv1.GetTablesResponse, error) {
	return s.tables(ctx, "", r.GetSchema(), r.GetSessionId())
}

func (s *engineService) GetTablesV2(ctx context.Context, r *e6xv1.GetTablesV2Request) (*e6xv1.GetTablesResponse, error) {
	return s.tables(ctx, r.GetCatalog(), r.GetSchema(), r.GetSessionId())
}

func (s *engineService) tables(ctx context.Context, catalog, schema, session string) (*e6xv1.GetTablesResponse, error) {
	names, err := s.c.set.engine.Tables(ctx, catalog, schema)
	return &e6xv1.GetTablesResponse{Tables: names, SessionId: session}, engineError(err)
}

func (s *engineService) GetColumns(ctx context.Context, r *e6xv1.GetColumnsRequest) (*e6xv1.GetColumnsResponse, error) {
	return s.columns(ctx, "", r.GetSchema(), r.GetTable(), r.GetSessionId())
}

func (s *engineService) GetColumnsV2(ctx context.Context, r *e6xv1.GetColumnsV2Request) (*e6xv1.GetColumnsResponse, error) {
	return s.columns(ctx, r.GetCatalog(), r.GetSchema(), r.GetTable(), r.GetSessionId())
}

func (s *engineService) columns(ctx context.Context, catalog, schema, table, session string) (*e6xv1.GetColumnsResponse, error) {
	columns, err := s.c.set.engine.Columns(ctx, catalog, schema, table)
	answer := &e6xv1.GetColumnsResponse{SessionId: session}
	for _, c := range columns {
		answer.FieldInfo = append(answer.FieldInfo, &e6xv1.GFieldInfo{FieldName: c.Name, FieldType: c.Type})
	}
	return answer, engineError(err)
}

// clusterService is the ClusterService. It is the same on both sides.
type clusterService struct {
	e6xv1.UnimplementedClusterServiceServer
	*side
}

var errCredentials = status.Error(codes.Unauthenticated, "the user or the token is wrong")

func (s *clusterService) Status(_ context.Context, r *e6xv1.ClusterStatusRequest) (*e6xv1.ClusterStatusResponse, error) {
	if !s.accepts(r.GetUser(), r.GetPassword()) {
		return nil, errCredentials
	}
	_, _, now := s.c.state(0, s.name)
	return &e6xv1.ClusterStatusResponse{Status: now}, nil
}

func (s *clusterService) Resume(_ context.Context, r *e6xv1.ResumeRequest) (*e6xv1.ResumeResponse, error) {
	if !s.accepts(r.GetUser(), r.GetPassword()) {
		return nil, errCredentials
	}
	return &e6xv1.ResumeResponse{Status: s.c.resume()}, nil
}

func (s *clusterService) Suspend(_ context.Context, r *e6xv1.SuspendRequest) (*e6xv1.SuspendResponse, error) {
	if !s.accepts(r.GetUser(), r.GetPassword()) {
		return nil, errCredentials
	}
	s.c.Suspend()
	return &e6xv1.SuspendResponse{Status: "suspended"}, nil
}
