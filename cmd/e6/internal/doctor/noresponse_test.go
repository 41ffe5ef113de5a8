package doctor

import (
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
)

// impatient makes checks give up soon, and not after what people wait.
func impatient(t *testing.T) {
	before := step
	step = 300 * time.Millisecond
	t.Cleanup(func() { step = before })
}

func TestDoctor_AServerThatAcceptsAndNeverAnswers(t *testing.T) {
	impatient(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, silent.Close()) }() // the program does not accept; the system's backlog does
	for name, c := range map[string]struct {
		cfg   e6.Config
		check string
		seen  string
	}{
		"in clear text": {e6.Config{}, checkProtocol, "the server accepts the connection, and sends nothing within 300ms"},
		"with TLS":      {e6.Config{TLS: true}, checkTLS, "the server accepts the connection, and does not answer the handshake within 300ms"},
	} {
		t.Run(name, func(t *testing.T) {
			c.cfg.Address, c.cfg.User, c.cfg.Token = silent.Addr().String(), "me", "planted"
			var r Report
			r.Run(t.Context(), c.cfg, nil, "")
			for _, l := range r.Lines {
				if l.Verdict == Fail {
					require.Equal(t, Line{c.check, Fail, c.seen, noResponseRemedy}, l)
				}
			}
			require.True(t, r.Failed())
		})
	}
}

func TestDoctor_AnEngineThatNeverAnswersBehindAnIngressThatDoes(t *testing.T) {
	impatient(t)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	defer server.Close()
	var r Report
	r.Run(t.Context(), e6.Config{Address: server.Listener.Addr().String(), User: "me", Token: "planted"}, nil, "")
	for _, l := range r.Lines {
		if l.Check == checkBlue || l.Check == checkGreen {
			require.Equal(t, Line{l.Check, Fail, "does not answer within 300ms",
				"the connection works, and nothing answers the call: ask the cluster's operator whether its engine is starting or overloaded"}, l)
		}
	}
	require.True(t, r.Failed())
}
