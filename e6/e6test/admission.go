package e6test

import (
	"context"
	"crypto/rand"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// Admission is how the engines answer a client that asks for a planner before it
// prepares a statement.
type Admission struct {
	// Waits is how often a query is told to wait before it may go on.
	Waits int
	// RateLimit makes the answer that no more queries are taken.
	RateLimit bool
}

// Admit sets how queries are admitted from now on, also those that wait already.
// At the beginning all are, at once.
func (c *Cluster) Admit(a Admission) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.admission = a
}

func (c *Cluster) admits() Admission {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.admission
}

// IdentifyPlanner tells a query to wait, or to go on. One that comes for the first
// time brings its statement, and later the id that it was given.
func (s *engineService) IdentifyPlanner(_ context.Context, r *e6xv1.IdentifyPlannerRequest) (*e6xv1.IdentifyPlannerResponse, error) {
	id := r.GetExistingQuery().GetQueryId()
	if (r.GetFirstTimeRequestPayload() == nil) == (id == "") {
		return nil, status.Error(codes.InvalidArgument, "the request must have either the statement or the query's id")
	}
	now := s.c.admits()
	answer := &e6xv1.IdentifyPlannerResponse{SessionId: r.GetSessionId()}
	if now.RateLimit {
		answer.QueueMessage = e6xv1.IdentifyPlannerResponse_RATE_LIMIT
		return answer, nil
	}
	if id == "" {
		id = rand.Text()
	}
	waited, known := s.queue(id)
	if !known && r.GetExistingQuery() != nil {
		return nil, status.Errorf(codes.Internal, "query %s does not wait on %s", id, s.name)
	}
	answer.ExistingQuery = &e6xv1.ExistingQuery{QueryId: id, ElapsedTimeMillis: r.GetExistingQuery().GetElapsedTimeMillis()}
	if waited < now.Waits {
		answer.QueueMessage = e6xv1.IdentifyPlannerResponse_WAITING_ON_PLANNER_SCALEUP
		return answer, nil
	}
	answer.PlannerIp = &s.ip
	return answer, nil
}

// queue counts how often a query has asked before.
func (s *side) queue(id string) (times int, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	times, known = s.waiting[id]
	s.waiting[id] = times + 1
	return times, known
}

// leaveQueue reports whether a query has been in the queue, and takes it out.
func (s *side) leaveQueue(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, known := s.waiting[id]
	delete(s.waiting, id)
	return known
}
