package e6test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/internal/bubbles"
)

func TestSuspend_CancelsAResumeInProgress(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		c, err := Start(InMemory(), WithResumeDelay(time.Minute))
		require.NoError(t, err)
		defer c.Close()
		status := func() string {
			_, _, s := c.state(0, c.set.active)
			return s
		}
		c.Suspend()
		require.Equal(t, "resuming", c.resume())
		<-time.After(30 * time.Second)
		c.Suspend()
		require.Equal(t, "resuming", c.resume())
		<-time.After(45 * time.Second)
		require.Equal(t, "resuming", status(), "the first resume is no longer under way")
		<-time.After(16 * time.Second)
		require.Equal(t, "active", status())
	})
}

func TestCutover_OfAnUnknownKindIsAnError(t *testing.T) {
	c, err := Start(InMemory())
	require.NoError(t, err)
	defer c.Close()
	require.ErrorContains(t, c.Cutover(t.Context(), Cutover{To: c.set.active.Other(), Kind: 9}), "CutoverKind(9)")
	require.True(t, c.IsOpen(c.set.active))
}
