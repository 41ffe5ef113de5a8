// Package freeport finds addresses for the programs that tests run and that cannot inherit
// a listener.
//
// A listener on port 0 shows a free port, but once it is closed the operating system may
// give that port to any other listener or connection before the program takes it. The ports
// of this package are below those that operating systems give away (from 32768 on Linux,
// from 49152 elsewhere), so that nothing else takes one by chance.
package freeport

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

const (
	first = 20_000
	ports = 12_000
	tries = 100
)

// Addr returns a host and port on loopback on which nothing listens.
func Addr() (string, error) {
	var last error
	for range tries {
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(first+rand.IntN(ports))))
		if err == nil {
			return l.Addr().String(), l.Close()
		}
		last = err
	}
	return "", fmt.Errorf("find a free port on loopback in %d tries: %w", tries, errors.Unwrap(last))
}
