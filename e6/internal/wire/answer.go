package wire

import (
	"fmt"
	"math"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// The limits of values that a server sends and that have no reason to be large. The
// client stores them in sessions, events, errors and handles, and sends them in the
// headers and requests of later calls.
const (
	// maxSessionBytes limits the id of a session, which may be a signed token.
	maxSessionBytes = 16 << 10
	// maxNameBytes limits the id of a query, the address of a planner and the status
	// of a cluster.
	maxNameBytes = 1 << 10
	// maxOtherBytes limits a response without rows: lists, plans, metadata. A decoded
	// list of empty entries is many times as large as its encoding.
	maxOtherBytes = 16 << 20
	// maxHeaderBytes limits the metadata of a response, and so the text of an error.
	maxHeaderBytes = 1 << 20
)

// check validates the names and ids in a response. An invalid one makes the whole response
// unreadable.
func check(reply any) error {
	switch a := reply.(type) {
	case *e6xv1.PrepareStatementResponse:
		if err := checkName("query id", a.GetQueryId()); err != nil {
			return err
		}
		if err := checkName("address of the planner", a.GetEngineIP()); err != nil {
			return err
		}
	case *e6xv1.IdentifyPlannerResponse:
		if err := checkName("query id", a.GetExistingQuery().GetQueryId()); err != nil {
			return err
		}
		if err := checkName("address of the planner", a.GetPlannerIp()); err != nil {
			return err
		}
	case *e6xv1.ClusterStatusResponse:
		return checkName("status of the cluster", a.GetStatus())
	case *e6xv1.ResumeResponse:
		return checkName("status of the cluster", a.GetStatus())
	case *e6xv1.SuspendResponse:
		return checkName("status of the cluster", a.GetStatus())
	}
	if a, ok := reply.(interface{ GetSessionId() string }); ok {
		if n := len(a.GetSessionId()); n > maxSessionBytes {
			return tooLong("session id", n, maxSessionBytes)
		}
	}
	return nil
}

// checkName also keeps line breaks and the like out of headers, logs and terminals.
func checkName(what, s string) error {
	if len(s) > maxNameBytes {
		return tooLong(what, len(s), maxNameBytes)
	}
	if !Printable(s) {
		return status.Errorf(codes.Internal, "the %s %q is not printable ASCII, as a header needs it", what, s)
	}
	return nil
}

func tooLong(what string, n, most int) error {
	return status.Errorf(codes.Internal, "the %s has %d bytes: expected %d at most", what, n, most)
}

// serviceConfig is the gRPC service config with the limits of each method's messages. As
// call options they would cost an allocation for every call.
func serviceConfig(maxReceive, maxSend int) string {
	return fmt.Sprintf(`{"methodConfig":[
		{"name":[{"service":"QueryEngineService"},{"service":"ClusterService"}],
			"maxResponseMessageBytes":%d,"maxRequestMessageBytes":%[3]d},
		{"name":[{"service":"QueryEngineService","method":"getNextResultBatch"},
			{"service":"QueryEngineService","method":"getNextResultBatchV2"}],
			"maxResponseMessageBytes":%[2]d,"maxRequestMessageBytes":%[3]d}]}`,
		min(maxReceive, maxOtherBytes), min(maxReceive, math.MaxInt32), min(maxSend, math.MaxInt32))
}
