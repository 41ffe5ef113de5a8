package recordertest_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/recorder/recordertest"
	"github.com/e6data/e6data-go/internal/bubbles"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// user is a test of a user's program.
type user struct {
	failed   bool
	cleanups []func()
	logged   []string
}

func (u *user) Helper()          {}
func (u *user) Name() string     { return "TestOrders" }
func (u *user) Failed() bool     { return u.failed }
func (u *user) Cleanup(f func()) { u.cleanups = append(u.cleanups, f) }
func (u *user) Logf(format string, args ...any) {
	u.logged = append(u.logged, fmt.Sprintf(format, args...))
}

// run runs a test with two abrupt changes, of which the second one is to blue.
func (u *user) run(t *testing.T) string {
	bubbles.Test(t, func(t *testing.T) {
		cluster := e6test.New(t, e6test.InMemory())
		client, err := e6.Open(t.Context(), e6.Config{Address: "cluster.test:80", User: "user@example.com", Token: "token", Catalog: "catalog", Schema: "schema"},
			e6.WithDialer(cluster.Dialer()), e6.WithRecorder(recordertest.New(u)))
		require.NoError(t, err)
		for _, to := range []e6.Side{e6.Green, e6.Blue} {
			<-time.After(time.Minute)
			require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: to, Kind: e6test.Abrupt}))
			require.NoError(t, client.Exec(t.Context(), "SELECT 1"))
		}
		require.NoError(t, client.Close())
		synctest.Wait()
	})
	require.Len(t, u.cleanups, 1)
	u.cleanups[0]()
	return fmt.Sprint(u.logged)
}

func TestNew_AFailedTestPrintsTheLastCutover(t *testing.T) {
	text := (&user{failed: true}).run(t)
	require.Contains(t, text, "the last cutover of the client:\nclients   TestOrders: ")
	require.Contains(t, text, "green to blue, without an announcement")
	require.Contains(t, text, "cause     refusal: green refused a call")
	require.Contains(t, text, "1 retried")
	require.NotContains(t, text, "blue to green", "only the last one is of interest")
	t.Log(text)
}

func TestNew_ATestThatPassesPrintsNothing(t *testing.T) {
	require.Equal(t, "[]", (&user{}).run(t))
}

func TestNew_LogsThatNoClientUsedIt(t *testing.T) {
	u := &user{failed: true}
	recordertest.New(u)
	u.cleanups[0]()
	require.Equal(t, []string{"recordertest: read the recording: recorder: the recorder was never opened"}, u.logged)
}
