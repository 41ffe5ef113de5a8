package e6test

import (
	"context"
	"crypto/rand"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// Admission is the response of the engines to a client that requests a planner before it
// prepares a statement.
type Admission struct {
	// Waits is the number of wait responses before a query is admitted.
	Waits int
	// RateLimit makes the engines respond that no more queries are accepted.
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

// IdentifyPlanner makes a query wait, or admits it. The first request of a query
// carries its statement, later ones the query id of the first response.
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

// queue returns the number of earlier requests of a query.
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
