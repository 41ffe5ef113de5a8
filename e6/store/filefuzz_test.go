package store_test

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/store"
)

// FuzzFile reads files that may hold anything. Whatever is read can be written
// again, and the next fact that is written is the one that is read then.
func FuzzFile(f *testing.F) {
	var slots [][]byte
	for _, fact := range []store.Record{
		{Version: 1, Active: fsm.Blue, Writer: "w"},
		{Version: 2, Active: fsm.Blue, Announced: fsm.Green, At: time.Unix(1_700_000_000, 5)},
	} {
		slot, _, err := store.EncodeSlot(fact)
		require.NoError(f, err)
		slots = append(slots, slot)
	}
	f.Add([]byte{}, []byte{})
	f.Add(slots[0], []byte{})
	f.Add(slots[0], slots[1])
	f.Add(slots[1], slots[0][:40])
	f.Fuzz(func(t *testing.T, first, second []byte) {
		image := make([]byte, store.FileSize)
		copy(image[:store.SlotSize], first)
		copy(image[store.SlotSize:], second)
		fact, free := store.ParseFile(image)
		for _, side := range []fsm.Side{fact.Active, fact.Announced} {
			require.True(t, side == fsm.None || side.Valid())
		}
		if fact.Version == 0 {
			require.Zero(t, fact)
		}
		kept := image[(1-free)*store.SlotSize:][:store.SlotSize]
		again, _ := store.ParseFile(append(make([]byte, store.SlotSize), kept...))
		require.Equal(t, fact, again, "the fact is in the slot that is kept")
		if fact.Version > 0 {
			require.Equal(t, fact.Version, binary.LittleEndian.Uint64(kept[8:]))
			require.LessOrEqual(t, fact.Version, uint64(store.MaxVersion))
		}

		fact.Version++
		slot, written, err := store.EncodeSlot(fact)
		if err != nil {
			require.ErrorContains(t, err, "store: ")
			return
		}
		require.True(t, fact.At.Equal(written.At))
		copy(image[free*store.SlotSize:], slot)
		read, _ := store.ParseFile(image)
		require.Equal(t, written, read)
		// A writer that dies on the way leaves the old fact or the new one.
		for _, n := range []int{8, store.HeadSize, len(slot) - 1} {
			clear(image[free*store.SlotSize+n:][:store.SlotSize-n])
			torn, _ := store.ParseFile(image)
			require.Contains(t, []uint64{fact.Version - 1, fact.Version}, torn.Version)
			copy(image[free*store.SlotSize:], slot)
		}
	})
}
