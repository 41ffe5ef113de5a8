package e6test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/e6data/e6data-go/e6/fsm"
)

// Action is what a Fault does to a call.
type Action uint8

// The actions.
const (
	// Refuse456 and Refuse503 make the ingress refuse the call.
	Refuse456 Action = 1 + iota
	Refuse503
	// Fail makes the engine answer with Fault.Code and Fault.Message, without
	// doing anything.
	Fail
	// DelayBefore and DelayAfter let Fault.Delay pass before or after the engine
	// has the call.
	DelayBefore
	DelayAfter
	// Hang never answers, and the engine never has the call.
	Hang
	// BreakBefore and BreakAfter close the connection before the engine has the
	// call, or after the call has had its effect. Other calls on the connection
	// break with it.
	BreakBefore
	BreakAfter
	// BadGateway answers as an ingress whose engine is gone: HTTP 502.
	BadGateway
	// Garbage replaces the metadata or the batches of the answer by noise.
	Garbage
	// Announce sets new_strategy of the answer to Fault.Message, which may be any text.
	Announce
	// EmptySession clears the session id of the answer.
	EmptySession
	// Short ends the result here, before its last row.
	Short
	// Page answers as an ingress with an error page: HTTP status Fault.Status and
	// Fault.Message as HTML. The engine never has the call.
	Page
	// Answer answers as Envoy does for itself: with the gRPC status Fault.Code and
	// Fault.Message, in headers alone. The engine never has the call. AnswerAfter does
	// so after the call has had its effect.
	Answer
	AnswerAfter
	// NoTrailers answers with HTTP 200 and the content type of gRPC, and ends without a
	// status, after the call has had its effect.
	NoTrailers
)

// Fault changes the outcome of chosen calls.
type Fault struct {
	// Side and Method choose the calls; None and empty mean any. Method is one of the
	// Method constants.
	Side   fsm.Side
	Method string
	// Nth is which of these calls is the first to be hit, counted from 1 and
	// from the moment of Inject. 0 means the first.
	Nth int
	// Times is how many are hit in a row. 0 means one, -1 all.
	Times int
	// Action is what happens.
	Action Action
	// Delay is for DelayBefore and DelayAfter.
	Delay time.Duration
	// Code and Message are for Fail, Answer, AnswerAfter, Announce and Page.
	Code    codes.Code
	Message string
	// Status is the HTTP status of a Page.
	Status int
}

// Inject makes a fault happen to the calls that come through the ingress, until it is
// removed. A call meets one fault at the most: of those that would hit it, the one that
// was injected first. Inject panics if the protocol has no such method, as the fault
// would never happen.
func (c *Cluster) Inject(f Fault) *Injection { return c.faults.add(f) }

// Injection is a Fault that was injected. Its methods may be called by any goroutine.
type Injection struct {
	fault Fault
	of    *faults
	seen  int // matching calls
	hits  int
}

// Remove takes the fault back. Calls that it has hit already are not affected.
func (i *Injection) Remove() {
	i.of.mu.Lock()
	defer i.of.mu.Unlock()
	i.of.list = slices.DeleteFunc(i.of.list, func(other *Injection) bool { return other == i })
}

// Hits is the number of calls that the fault has hit.
func (i *Injection) Hits() int {
	i.of.mu.Lock()
	defer i.of.mu.Unlock()
	return i.hits
}

type faults struct {
	mu   sync.Mutex
	list []*Injection
}

func (f *faults) add(fault Fault) *Injection {
	if !knownMethod(fault.Method) {
		panic(fmt.Sprintf("e6test: inject a fault into %q: the protocol has no such method: use one of the Method constants", fault.Method))
	}
	fault.Nth = max(fault.Nth, 1)
	if fault.Times == 0 {
		fault.Times = 1
	}
	one := &Injection{fault: fault, of: f}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, one)
	return one
}

// next counts a call and returns the fault that it meets, if any.
func (f *faults) next(side fsm.Side, method string) (hit Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, one := range f.list {
		of := &one.fault
		if of.Side != fsm.None && of.Side != side || of.Method != "" && of.Method != method {
			continue
		}
		one.seen++
		past := one.seen - of.Nth
		if past >= 0 && (of.Times < 0 || past < of.Times) && hit.Action == 0 {
			hit = *of
			one.hits++
		}
	}
	return hit
}

// act does what the fault does in the ingress. It reports true if that is all
// that happens to the call.
func (f Fault) act(c *Cluster, w http.ResponseWriter, r *http.Request) bool {
	switch f.Action {
	case Refuse456:
		c.refuse(w, 456)
	case Refuse503:
		c.refuse(w, 503)
	case BadGateway:
		http.Error(w, "the engine is gone", http.StatusBadGateway)
	case Page:
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(f.Status)
		_, _ = io.WriteString(w, f.Message)
	case Answer:
		f.answer(w)
	case Hang:
		select {
		case <-r.Context().Done():
		case <-c.ctx.Done():
		}
	case BreakBefore:
		breakConn(r)
	case DelayBefore:
		return !c.wait(r.Context(), f.Delay)
	default:
		return false
	}
	return true
}

// answer answers a call with a gRPC status that no engine has given.
func (f Fault) answer(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/grpc")
	if f.Action != NoTrailers {
		w.Header().Set("Grpc-Status", strconv.Itoa(int(f.Code)))
		w.Header().Set("Grpc-Message", f.Message)
		w.WriteHeader(http.StatusOK)
		return
	}
	w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(w).Flush()
}

type faultKey struct{}

// faultOf is the fault that an engine's call meets.
func faultOf(ctx context.Context) Fault {
	f, _ := ctx.Value(faultKey{}).(Fault)
	return f
}

// fail is the engine's answer of a Fail.
func (f Fault) fail() error {
	if f.Action != Fail {
		return nil
	}
	code := f.Code
	if code == codes.OK {
		code = codes.Internal
	}
	return status.Error(code, f.Message)
}
