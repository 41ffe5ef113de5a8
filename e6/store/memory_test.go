package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/store"
	"github.com/e6data/e6data-go/e6/store/storetest"
)

func TestMemory_IsAConformingStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.Opener {
		m := new(store.Memory)
		return func(*testing.T) store.Store { return m }
	})
}

func TestRecord_SidePrefersTheAnnouncedSide(t *testing.T) {
	require.Equal(t, fsm.Blue, store.Record{Active: fsm.Blue}.Side())
	require.Equal(t, fsm.Green, store.Record{Active: fsm.Blue, Announced: fsm.Green}.Side())
	require.Equal(t, fsm.None, store.Record{}.Side())
}
