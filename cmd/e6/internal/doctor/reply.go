package doctor

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/e6data/e6data-go/internal/refusal"
)

// accessDenied is in the engine's error for a session that it does not accept.
const accessDenied = "Access denied"

// outcome is what a reply means for its side.
type outcome string

const (
	accepts      outcome = "accepts"
	refuses      outcome = "refuses"
	suspended    outcome = "is suspended"
	denies       outcome = "rejects the credentials"
	fails        outcome = "fails"
	foreign      outcome = "is no cluster"
	blocked      outcome = "is behind a proxy that turns the call away"
	unreachable  outcome = "cannot be reached"
	unknownReply outcome = "gives an answer that is not known"
)

// finding is what a reply means.
type finding struct {
	outcome outcome
	// form is the form in which the reply came, or its text.
	form string
	// next is what to do, where that depends on more than the outcome.
	next string
}

// classify returns the meaning of a reply. With a bearer, every call carries credentials that
// a proxy may look at; a user and a token only the engine sees.
func (r reply) classify(bearer bool) finding {
	if r.err == nil {
		return finding{outcome: accepts}
	}
	s := status.Convert(r.err)
	if page, ok := pageOf(s.Message()); ok {
		return page.classify(bearer, s.Code())
	}
	m := s.Message()
	ingress := len(r.header) == 0 && len(r.trailer) == 0
	kind := refusal.Of(s.Code(), m, !ingress)
	switch {
	case kind == refusal.WrongSide:
		return finding{outcome: refuses, form: raw(r.err)}
	case kind == refusal.Unavailable:
		return finding{outcome: suspended, form: raw(r.err)}
	case s.Code() == codes.Unauthenticated, s.Code() == codes.PermissionDenied, strings.Contains(m, accessDenied):
		return finding{outcome: denies, form: raw(r.err)}
	case s.Code() == codes.DeadlineExceeded && ingress:
		return finding{unreachable, fmt.Sprintf("does not answer within %s", step),
			"the connection works, and nothing answers the call: ask the cluster's operator whether its engine is starting or overloaded"}
	case s.Code() == codes.Unavailable, s.Code() == codes.DeadlineExceeded, s.Code() == codes.Canceled:
		return finding{unreachable, "does not answer: " + raw(r.err), "the ingress does not reach an engine of this side, or the connection broke: run this again, then ask the cluster's operator"}
	case !ingress && s.Code() != codes.Unknown, s.Code() == codes.Unimplemented:
		return finding{outcome: accepts, form: raw(r.err)} // an engine has answered
	}
	return finding{outcome: unknownReply, form: raw(r.err)}
}

// raw is an error as gRPC has it, and of a plain HTTP reply the status.
func raw(err error) string {
	if p, ok := pageOf(status.Convert(err).Message()); ok {
		return p.String()
	}
	s, ok := status.FromError(err)
	if !ok {
		return err.Error()
	}
	return fmt.Sprintf("%s: %q", s.Code(), s.Message())
}

// page is a plain HTTP reply to a gRPC call.
type page struct {
	status  int
	text    string // of the status
	kind    string // the content type, if gRPC names it
	message string // gRPC's error text
}

// contentType finds the content type in gRPC's text about a plain HTTP reply.
var contentType = regexp.MustCompile(`unexpected content-type "([^";]*)`)

// pageOf reads gRPC's text about a plain HTTP reply.
func pageOf(message string) (page, bool) {
	rest, ok := strings.CutPrefix(message, refusal.HTTPReply)
	if !ok {
		return page{}, false
	}
	number, rest, _ := strings.Cut(rest, " ")
	n, err := strconv.Atoi(number)
	if err != nil {
		return page{}, false
	}
	p := page{status: n, message: message}
	p.text, _, _ = strings.Cut(strings.TrimPrefix(rest, "("), ")")
	if m := contentType.FindStringSubmatch(message); m != nil {
		p.kind = m[1]
	}
	return p, true
}

// String is the status and its text.
func (p page) String() string {
	text := fmt.Sprintf("HTTP status %d", p.status)
	if p.text != "" {
		text += " (" + p.text + ")"
	}
	return text
}

// ofWebServers are the statuses with which a program answers that knows no such path,
// method or content.
var ofWebServers = []int{400, 404, 405, 406, 411, 413, 415, 426, 501, 505}

// classify returns the meaning of a plain HTTP reply.
func (p page) classify(bearer bool, code codes.Code) finding {
	switch {
	case p.status == 456:
		return finding{outcome: refuses, form: "HTTP status 456"}
	case p.status == 503:
		return finding{outcome: suspended, form: "HTTP status 503"}
	case bearer && (p.status == 401 || p.status == 403):
		return finding{outcome: denies, form: p.String()}
	case p.status == 401 || p.status == 407:
		return finding{blocked, "a proxy in front of the engine wants a login of its own: " + p.String(),
			"no engine has looked at the token, and no proxy can: use an address without that login, or have the proxy let gRPC calls through"}
	case p.status == 403:
		return finding{blocked, "a proxy in front of the engine forbids the call: " + p.String(),
			"no engine has looked at the token: have the proxy or the firewall allow this machine, and the paths /QueryEngineService/* and /ClusterService/*"}
	case p.status == 429:
		return finding{blocked, "a proxy in front of the engine limits the rate of calls: " + p.String(), "wait, and run this again; if it stays so, have the limit raised"}
	case p.status >= 300 && p.status < 400:
		return finding{blocked, "the call is redirected, which gRPC does not follow: " + p.String(),
			"a redirect leads to a login page, to https (then set --tls), or to another address: give the address that serves gRPC itself"}
	case p.status == 502 || p.status == 504:
		return finding{unreachable, "does not answer: " + p.String(), "the ingress does not reach an engine of this side: ask the cluster's operator"}
	case p.status == 500:
		return finding{unreachable, "does not answer: " + p.String(), "the ingress fails for a reason of its own: see its log"}
	case p.status >= 200 && p.status < 300 || slices.Contains(ofWebServers, p.status):
		form := "a web server answers, and no engine: " + p.String()
		if p.kind != "" {
			form += " with " + p.kind
		}
		return finding{foreign, form, "check the host and the port; if an ingress answers there, have it route /QueryEngineService/* and /ClusterService/* to the engines"}
	}
	return finding{outcome: unknownReply, form: fmt.Sprintf("%s: %q", code, p.message)}
}
