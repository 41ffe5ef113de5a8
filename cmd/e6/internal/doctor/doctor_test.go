package doctor

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestARefusalIsToldFromAnAnswerOfAnEngine(t *testing.T) {
	engine := metadata.Pairs("content-type", "application/grpc")
	for text, c := range map[string]struct {
		code   codes.Code
		header metadata.MD
		want   outcome
	}{
		httpReply + "456 (); transport: missing content-type field": {codes.Unknown, nil, refuses},
		"status: 456":                       {codes.Unknown, nil, refuses},
		"Wrong strategy. Status: 456. x":    {codes.InvalidArgument, engine, refuses},
		httpReply + "503 (Service)":         {codes.Unavailable, nil, asleep},
		"status: 503, cluster is suspended": {codes.Unavailable, nil, asleep},
		"connection refused":                {codes.Unavailable, nil, unreachable},
		"Access denied. Invalid session":    {codes.Internal, engine, denies},
		"no bearer":                         {codes.Unauthenticated, nil, denies},
		httpReply + "403 (Forbidden)":       {codes.PermissionDenied, nil, denies},
		"a table is missing":                {codes.Internal, engine, accepts},
		"unknown method":                    {codes.Unimplemented, nil, accepts},
		httpReply + "418 (I'm a teapot)":    {codes.Unknown, nil, puzzling},
		"":                                  {codes.Unknown, nil, puzzling},
	} {
		got, _ := reply{err: status.Error(c.code, text), header: c.header}.judge()
		require.Equal(t, c.want, got, "%s %q", c.code, text)
	}
	got, _ := reply{}.judge()
	require.Equal(t, accepts, got)
}

func TestVariablesThatNobodyReadsAreNamed(t *testing.T) {
	var r Report
	r.environment([]string{"E6DATA_HOST=h", "E6DATA_PASWORD=planted", "E6DATA_CONFIG=", "HOME=/", "E6DATA_PROFILE=p"})
	require.Equal(t, []Line{{checkEnvironment, Warn, "E6DATA_PASWORD is not read; did you mean E6DATA_PASSWORD?",
		"rename or remove what is not read: 'e6 config show' lists the variables"}}, r.Lines)
	r = Report{}
	r.environment([]string{"E6DATA_PORT=1", "E6DATA_HOST=h"})
	require.Equal(t, "E6DATA_HOST, E6DATA_PORT", r.Lines[0].Seen)
	require.False(t, r.Failed())
}

func TestSecretsAreMaskedAndWordsAreLeftAlone(t *testing.T) {
	require.Equal(t, "*** named *** (***)", mask("me named me (me)", []string{"me", ""}))
	require.Equal(t, "x***y", mask("xlongsecrety", []string{"longsecret"}))
}
