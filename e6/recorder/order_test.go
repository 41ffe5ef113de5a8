package recorder

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Entries are written by a client whose clock is set back and forward by an hour, some of
// them a moment after they happened.
func TestSortEntries_KeepsTheOrderOfWritingAcrossChangesOfTheClock(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all []Entry
		epoch := make(map[uint64]int) // of the entry with that number: how often the clock was set back before
		now, back := time.Unix(1e9, 0), 0
		for range rapid.IntRange(0, 60).Draw(t, "entries") {
			now = now.Add(time.Duration(rapid.IntRange(0, int(time.Second)).Draw(t, "passed")))
			switch rapid.IntRange(0, 20).Draw(t, "clock") {
			case 0:
				now, back = now.Add(-time.Hour), back+1
			case 1:
				now = now.Add(time.Hour)
			}
			e := Entry{Seq: uint64(len(all) + 1), lane: rapid.IntRange(0, 2).Draw(t, "lane"), Time: now}
			epoch[e.Seq] = back
			all = append(all, e)
		}
		shuffled := slices.Clone(all)
		slices.SortStableFunc(shuffled, func(a, b Entry) int { return cmp.Compare(a.lane, b.lane) })
		sortEntries(shuffled)
		require.Equal(t, all, shuffled, "no two entries are written out of order")

		// An event is written up to half a second late, in its lane.
		for i := range all {
			if all[i].lane == 1 && i > 0 && epoch[all[i].Seq] == epoch[all[i-1].Seq] {
				all[i].Time = all[i].Time.Add(-time.Duration(rapid.IntRange(0, int(time.Second)/2).Draw(t, "late")))
			}
		}
		shuffled = slices.Clone(all)
		sortEntries(shuffled)
		last := [3]uint64{}
		for i, e := range shuffled {
			require.Greater(t, e.Seq, last[e.lane], "a lane stays in its order")
			last[e.lane] = e.Seq
			if i > 0 {
				before := shuffled[i-1]
				require.GreaterOrEqual(t, epoch[e.Seq], epoch[before.Seq])
				require.True(t, epoch[e.Seq] > epoch[before.Seq] || !e.Time.Before(before.Time), "%s before %s", before.Time, e.Time)
			}
		}
	})
}
