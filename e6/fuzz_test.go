package e6

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/internal/exec"
)

func FuzzAHandleSurvivesJSON(f *testing.F) {
	f.Add(`{"query_id":"q","side":"blue","engine":"10.0.0.1","session_generation":3}`)
	f.Add(`{"query_id":"q","side":"none"}`)
	f.Add(`{"query_id":"","side":"GREEN","session_generation":18446744073709551615}`)
	f.Add(`{"side":7}`)
	f.Fuzz(func(t *testing.T, text string) {
		var h QueryHandle
		if err := json.Unmarshal([]byte(text), &h); err != nil {
			return
		}
		require.True(t, h.Side == None || h.Side.Valid(), "%q has the side %d", text, h.Side)
		again, err := json.Marshal(h)
		require.NoError(t, err)
		var other QueryHandle
		require.NoError(t, json.Unmarshal(again, &other), "%s", again)
		require.Equal(t, h, other)
		require.Equal(t, h.QueryID != "" && h.Side.Valid(), exec.Handle(h).Valid(), "a handle that names nothing is refused")
	})
}
