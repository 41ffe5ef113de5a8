// Package spelling suggests the correct name for a misspelled one.
package spelling

import "strings"

// Nearest returns the candidate with the smallest edit distance from name, if that is at
// most a third of its length, rounded up. Case, hyphens and underscores do not count. It
// is empty if no candidate is that near.
func Nearest(name string, candidates []string) string {
	name = normalize(name)
	best, least := "", max(1, (len(name)+2)/3)+1
	for _, candidate := range candidates {
		if d := distance(name, normalize(candidate)); d < least {
			best, least = candidate, d
		}
	}
	return best
}

func normalize(name string) string {
	return strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(name))
}

// distance is the number of characters that have to be inserted, removed, replaced, or
// exchanged with their neighbour to make a into b (optimal string alignment).
func distance(a, b string) int {
	const longest = 64 // no name of a setting is as long
	if len(a) > longest || len(b) > longest {
		return longest
	}
	before, last, here := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		here[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			here[j] = min(last[j]+1, here[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				here[j] = min(here[j], before[j-2]+1)
			}
		}
		before, last, here = last, here, before
	}
	return last[len(b)]
}
