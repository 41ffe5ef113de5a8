package e6test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/vector"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// side is one engine: its sessions, its queries, and its gRPC server.
type side struct {
	c       *Cluster
	name    fsm.Side
	ip      string // its plannerip
	grpc    *grpc.Server
	running sync.WaitGroup // executions

	mu       sync.Mutex
	life     int // counts the engines that this side has had
	sessions map[string]bool
	queries  map[string]*serverQuery
	waiting  map[string]int // requests for a planner, by query
}

// maxRequestBytes is the largest request that an engine takes: as large as one that a
// client sends by default.
const maxRequestBytes = 100 << 20

func newSide(c *Cluster, name fsm.Side) *side {
	s := &side{c: c, name: name, ip: "planner-" + name.String(), sessions: map[string]bool{}, queries: map[string]*serverQuery{}, waiting: map[string]int{}}
	s.grpc = grpc.NewServer(grpc.UnaryInterceptor(s.intercept), grpc.WaitForHandlers(true), grpc.MaxRecvMsgSize(maxRequestBytes))
	// On the wire the services have no package.
	engine, control := e6xv1.QueryEngineService_ServiceDesc, e6xv1.ClusterService_ServiceDesc
	engine.ServiceName, control.ServiceName = "QueryEngineService", "ClusterService"
	s.grpc.RegisterService(&engine, &engineService{side: s})
	s.grpc.RegisterService(&control, &clusterService{side: s})
	return s
}

// intercept handles every call that reaches the engine: it refuses what no client
// may send, and lets the answer announce a side.
func (s *side) intercept(ctx context.Context, req any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	fault := faultOf(ctx)
	if err := fault.fail(); err != nil {
		return nil, err
	}
	life := s.lives()
	if err := s.admit(ctx, req, info.FullMethod[strings.LastIndexByte(info.FullMethod, '/')+1:]); err != nil {
		return nil, err
	}
	resp, err := handle(ctx, req)
	switch {
	case err != nil && s.lives() != life:
		// The engine is gone: it is the ingress that answers for it.
		return nil, status.Error(codes.Unavailable, "the engine went away before it answered")
	case err != nil:
		return nil, err
	}
	message, ok := resp.(proto.Message)
	if !ok {
		return resp, nil
	}
	announcement := s.c.announcement()
	if fault.Action == Announce {
		announcement = fault.Message
	}
	if announcement != "" {
		setString(message, "new_strategy", announcement)
	}
	if fault.Action == EmptySession {
		setString(message, "sessionId", "")
	}
	return resp, nil
}

// setString sets the field of that name, if the message has one.
func setString(m proto.Message, field protoreflect.Name, value string) {
	if f := m.ProtoReflect().Descriptor().Fields().ByName(field); f != nil {
		m.ProtoReflect().Set(f, protoreflect.ValueOfString(value))
	}
}

// withoutSession are the methods that need no session.
var withoutSession = []string{"authenticate", "healthCheck", "getCataloges", "analyzeQuery", "updateUsers"}

var errSession = status.Error(codes.Internal, "Access denied. Invalid session")

// admit refuses what a real cluster would: another side's header, an unknown
// session, another engine's address.
func (s *side) admit(ctx context.Context, req any, method string) error {
	md, _ := metadata.FromIncomingContext(ctx)
	switch got := md.Get("strategy"); {
	case len(got) == 0:
		s.c.counts.unrouted(method, s.name)
	case len(got) > 1 || got[0] != s.name.String():
		s.c.counts.violation(fmt.Sprintf("%s reached %s with the strategy header %q", method, s.name, got))
		return status.Errorf(codes.InvalidArgument, "the strategy header is %q on %s", got, s.name)
	}
	if ip := md.Get("plannerip"); len(ip) > 0 && ip[0] != s.ip {
		s.c.counts.violation(fmt.Sprintf("%s on %s named the engine %q", method, s.name, ip[0]))
		return status.Errorf(codes.InvalidArgument, "no planner %q on %s", ip[0], s.name)
	}
	if s.c.set.bearer != nil {
		return s.admitBearer(md, req, method)
	}
	request, ok := req.(interface{ GetSessionId() string })
	if !ok || slices.Contains(withoutSession, method) {
		return nil
	}
	id := request.GetSessionId()
	if !s.hasSession(id) {
		if s.c.sides[s.name.Other()].hasSession(id) {
			s.c.counts.violation(fmt.Sprintf("%s on %s came with a session of %s", method, s.name, s.name.Other()))
		}
		return errSession
	}
	s.c.counts.session(id)
	return nil
}

// admitBearer refuses what a cluster without sessions would.
func (s *side) admitBearer(md metadata.MD, req any, method string) error {
	auth := md.Get("authorization")
	token, found := "", false
	if len(auth) == 1 {
		token, found = strings.CutPrefix(auth[0], "Bearer ")
	}
	if request, ok := req.(interface{ GetSessionId() string }); ok && request.GetSessionId() != "" {
		s.c.counts.violation(method + " came with a session and a bearer")
	}
	switch {
	case !found || !s.c.set.bearer(token):
		return status.Error(codes.Unauthenticated, "the bearer token is not valid")
	case method == MethodAuthenticate:
		return status.Error(codes.Unimplemented, "there are no logins: every call carries a bearer token")
	}
	return nil
}

func (s *side) hasSession(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions[id]
}

func (s *side) newSession() string {
	id := rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions[id] = true
	return id
}

func (s *side) expireSessions() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.sessions)
}

// forget ends all queries and forgets them and the sessions.
func (s *side) forget() {
	s.mu.Lock()
	s.life++
	queries := s.queries
	s.queries = map[string]*serverQuery{}
	clear(s.waiting)
	clear(s.sessions)
	s.mu.Unlock()
	for _, q := range queries {
		q.close()
	}
}

func (s *side) lives() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.life
}

// add keeps a query until it is cleared. It fails if the session has ended while
// the statement was prepared: with the engine, perhaps, and what comes after that
// engine must not have its queries.
func (s *side) add(q *serverQuery) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.c.set.bearer == nil && !s.sessions[q.session] {
		return errSession
	}
	if s.queries[q.id] != nil {
		return status.Errorf(codes.Internal, "query %s was prepared already", q.id)
	}
	s.queries[q.id] = q
	return nil
}

// query finds a query. The engine's address must be the engine's own.
func (s *side) query(id, engineIP string) (*serverQuery, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.queries[id]
	if q == nil || engineIP != s.ip {
		return nil, unknownQuery(id, engineIP)
	}
	return q, nil
}

func unknownQuery(id, engineIP string) error {
	return status.Errorf(codes.Internal, "query %s is not known to engine %s", id, engineIP)
}

// remove forgets a query and ends it.
func (s *side) remove(id, engineIP string) error {
	q, err := s.query(id, engineIP)
	if err != nil {
		return err
	}
	s.mu.Lock()
	delete(s.queries, id)
	s.mu.Unlock()
	q.close()
	return nil
}

// QueryInfo is a query that the server holds.
type QueryInfo struct {
	ID   string
	Side fsm.Side
	SQL  string
	// Session is the session that prepared it.
	Session string
	// State is prepared, running or done.
	State string
}

// OpenQueries lists the queries that were prepared and not cleared yet.
func (c *Cluster) OpenQueries() []QueryInfo {
	var list []QueryInfo
	for _, name := range fsm.Sides {
		s := c.sides[name]
		s.mu.Lock()
		for _, q := range s.queries {
			list = append(list, QueryInfo{ID: q.id, Side: name, SQL: q.sql, Session: q.session, State: q.state()})
		}
		s.mu.Unlock()
	}
	return list
}

// serverQuery is a query on its engine.
type serverQuery struct {
	id, sql, session string

	prepared Prepared
	parsing  time.Duration // what Prepare took

	mu       sync.Mutex
	executed bool
	closed   bool
	canceled bool // by cancelQuery
	cancel   context.CancelFunc
	done     chan struct{} // closed when the execution has ended
	result   Result
	fields   []vector.Field // of the result; read while it is fetched
	rows     int64
	err      error
	queued   time.Duration // from the call to the beginning of the execution
	took     time.Duration // from the call to its end

	fetching sync.Mutex // one fetch at a time, and none of a closed result
	answers  int        // of the fetch
	freed    bool
}

// execute starts the statement; a second time is an error.
func (q *serverQuery) execute(s *side) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return unknownQuery(q.id, s.ip)
	}
	if q.executed {
		return status.Errorf(codes.FailedPrecondition, "query %s was executed already", q.id)
	}
	q.executed = true
	s.c.counts.executed(q.sql)
	ctx, cancel := context.WithCancel(s.c.ctx)
	q.cancel = cancel
	called := time.Now()
	s.running.Go(func() {
		q.queued = time.Since(called)
		if q.result, q.err = q.prepared.Execute(ctx); q.err == nil {
			q.fields, q.rows = q.result.Fields(), q.result.RowCount()
		}
		q.took = time.Since(called)
		close(q.done)
	})
	return nil
}

// wait waits for the end of the execution and returns its error.
func (q *serverQuery) wait(ctx context.Context) error {
	q.mu.Lock()
	executed := q.executed
	q.mu.Unlock()
	if !executed {
		return status.Errorf(codes.FailedPrecondition, "query %s was not executed", q.id)
	}
	select {
	case <-q.done:
		return q.outcome()
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	}
}

// outcome is the error of an execution that is done. A successful one can
// still lose its result. For any error of an Engine whose execution is cancelled,
// the client gets CANCELLED.
func (q *serverQuery) outcome() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.canceled || errors.Is(q.err, context.Canceled) {
		return errCanceled
	}
	return engineError(q.err)
}

var errCanceled = status.Error(codes.Canceled, "the query was cancelled")

// abort cancels the execution, or ends the result if it is done already. An execution
// that has failed keeps its own error.
func (q *serverQuery) abort() {
	q.mu.Lock()
	select {
	case <-q.done:
		q.canceled = q.err == nil
	default:
		q.canceled = q.executed
	}
	q.mu.Unlock()
	q.stop()
}

// stop cancels the execution.
func (q *serverQuery) stop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.cancel != nil {
		q.cancel()
	}
}

// close ends the query and frees what it holds.
func (q *serverQuery) close() {
	q.mu.Lock()
	executed, closed := q.executed, q.closed
	q.closed = true
	q.mu.Unlock()
	if closed {
		return
	}
	q.stop()
	if executed {
		<-q.done
		q.fetching.Lock()
		defer q.fetching.Unlock()
		q.freed = true
		if q.result != nil {
			_ = q.result.Close()
		}
	}
	_ = q.prepared.Close()
}

func (q *serverQuery) state() string {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.executed {
		return "prepared"
	}
	select {
	case <-q.done:
		return "done"
	default:
		return "running"
	}
}

// engineError is an error of the Engine as the client sees it.
func engineError(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := status.FromError(err); ok {
		return err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return status.FromContextError(err).Err() // the call has ended, as every gRPC server reports it
	}
	return status.Error(codes.Internal, err.Error())
}
