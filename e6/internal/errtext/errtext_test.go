package errtext

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestErrorf_PrefixIsOnce(t *testing.T) {
	base := errors.New("refused")
	inner := Errorf("healthCheck on green: %w", base)
	require.EqualError(t, inner, "e6: healthCheck on green: refused")
	outer := Errorf("rollback: green does not accept: %w", fmt.Errorf("e6: probe: %w; e6: last (%w)", inner, inner))
	require.EqualError(t, outer, "e6: rollback: green does not accept: probe: healthCheck on green: refused; last (healthCheck on green: refused)")
	require.ErrorIs(t, outer, base)
	require.Equal(t, "e6: x", Once("x"))
	require.Equal(t, "e6: table e6: x", Once("table e6: x"), "a name is left as it is")
	require.Equal(t, "healthCheck on green: refused", Inner(inner))
}
