package fleet

import (
	"fmt"
	"strings"

	"github.com/e6data/e6data-go/e6/store"
)

// Drain is the status of a drain in one line. It counts the missing clients; their names
// are in the error of a wait that fails.
func Drain(s store.DrainStatus) string {
	if s.Drained {
		return fmt.Sprintf("%s is drained; %s; clients: %d", s.Side, Record(s.Record), s.Clients)
	}
	parts := []string{fmt.Sprintf("%s is not drained", s.Side)}
	if s.Error != "" {
		parts = append(parts, "the store cannot be read: "+s.Error)
	}
	if s.Blocked != "" {
		parts = append(parts, s.Blocked)
	}
	counts := map[store.DrainReason]int{}
	for _, u := range s.Missing {
		counts[u.Reason]++
	}
	for _, reason := range []store.DrainReason{store.DrainActive, store.DrainInFlight, store.DrainUnconfirmed, store.DrainSilent, store.DrainLost} {
		if n := counts[reason]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s: %d", reason, n))
		}
	}
	return strings.Join(parts, "; ")
}
