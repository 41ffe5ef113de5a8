//go:build race

package router_test

// underRace is set where every step takes several times as long.
const underRace = true
