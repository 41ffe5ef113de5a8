package fsm

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseSide_IgnoresCaseAndWhiteSpace(t *testing.T) {
	for text, want := range map[string]Side{"blue": Blue, "GREEN": Green, " Blue\n": Blue} {
		got, err := ParseSide(text)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestParseSide_OtherTextIsATypedErrorOfBoundedLength(t *testing.T) {
	for _, text := range []string{"", "none", "red", "bluegreen", strings.Repeat("é", 1<<16)} {
		got, err := ParseSide(text)
		var bad *SideError
		require.ErrorAs(t, err, &bad)
		require.Equal(t, None, got)
		require.Equal(t, text, bad.Name)
		require.Less(t, len(err.Error()), 200)
	}
}

func TestSide_JSONRoundTrip(t *testing.T) {
	for _, side := range []Side{None, Blue, Green} {
		text, err := json.Marshal(side)
		require.NoError(t, err)
		var got Side
		require.NoError(t, json.Unmarshal(text, &got))
		require.Equal(t, side, got)
	}
	keep := Green
	require.Error(t, keep.UnmarshalText([]byte("red")))
	require.Equal(t, Green, keep, "a bad text changes nothing")
}

func TestState_JSONRoundTrip(t *testing.T) {
	for s := StateUnknown; s <= StateTransitioning; s++ {
		text, err := json.Marshal(s)
		require.NoError(t, err)
		var read State
		require.NoError(t, json.Unmarshal(text, &read))
		require.Equal(t, s, read)
	}
	var read State
	require.ErrorContains(t, json.Unmarshal([]byte(`"asleep"`), &read), `unknown state "asleep"`)
}

func TestSide_Other(t *testing.T) {
	require.Equal(t, []Side{None, Green, Blue}, []Side{None.Other(), Blue.Other(), Green.Other()})
	require.False(t, None.Valid())
}

func TestString_ValuesOutsideTheConstants(t *testing.T) {
	require.Equal(t, "Side(9)", Side(9).String())
	require.Equal(t, "State(9)", State(9).String())
	require.Equal(t, "Phase(9)", Phase(9).String())
	require.Equal(t, "Event(99)", Event(99).String())
}

func TestSnapshot_String(t *testing.T) {
	require.Equal(t, "unknown", Snapshot{}.String())
	s := Snapshot{State: StateTransitioning, Phase: PhaseDraining, Target: Green}
	require.Equal(t, "transitioning blue->green (draining)", s.String())
	require.Equal(t, Blue, s.Origin())
	require.Equal(t, "caller: by hand", Cause{Reason: ReasonCaller, Detail: "by hand"}.String())
}

func FuzzParseSide(f *testing.F) {
	for _, seed := range []string{"blue", " GREEN ", "", "none", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		side, err := ParseSide(text)
		require.Equal(t, err == nil, side.Valid())
		if err == nil {
			again, err := ParseSide(side.String())
			require.NoError(t, err)
			require.Equal(t, side, again)
		}
	})
}
