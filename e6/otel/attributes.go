package e6otel

import (
	"slices"
	"strings"

	"go.opentelemetry.io/otel/attribute"
)

// Attribute is the declaration of an attribute of spans, their events and links, or
// metrics.
type Attribute struct {
	// Key is its name.
	Key string
	// Type is the type of its values.
	Type attribute.Type
	// Stability is that of its name and meaning.
	Stability Stability
}

// numbers, flags and lists are the keys whose values are not strings.
var (
	numbers = []attribute.Key{
		keyPort, keyRows, keyBatches, keyBytes, keyRetries, keyReplays, keyAttempt, keyVerified, keyRounds,
		cutoverID, cutoverInFlight, cutoverDrain, cutoverRemain, cutoverReplay, cutoverRetry, cutoverLost,
	}
	flags = []attribute.Key{keyReplay}
	lists = []attribute.Key{keyOrder}
)

// Attributes returns the declarations of all attributes, sorted by their keys, besides
// those of WithAttributes.
func Attributes() []Attribute {
	var all []string
	for _, s := range Spans() {
		all = slices.Concat(all, s.Attributes, s.Optional, s.Links, s.EventAttributes)
	}
	for _, m := range Metrics() {
		all = slices.Concat(all, m.Attributes, m.Optional)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	declared := make([]Attribute, len(all))
	for i, key := range all {
		declared[i] = Attribute{Key: key, Type: typeOf(attribute.Key(key)), Stability: Stable}
		if strings.HasPrefix(key, "e6.") {
			declared[i].Stability = Own
		}
	}
	return declared
}

func typeOf(k attribute.Key) attribute.Type {
	switch {
	case slices.Contains(numbers, k):
		return attribute.INT64
	case slices.Contains(flags, k):
		return attribute.BOOL
	case slices.Contains(lists, k):
		return attribute.STRINGSLICE
	}
	return attribute.STRING
}
