package etcd

import (
	"errors"
	"fmt"
	"time"
)

// The defaults of the options.
const (
	DefaultCallTimeout = 5 * time.Second
	DefaultLease       = 15 * time.Second
	DefaultRefresh     = time.Minute
)

// Option changes a Store that is to be made.
type Option func(*settings)

type settings struct {
	namespace string
	timeout   time.Duration
	lease     time.Duration
	refresh   time.Duration
}

// WithNamespace sets a prefix, such as "analytics/", for every key, so that
// several fleets can share one etcd, and a role can be limited to one of them.
// Clients see only those of the same namespace. Default: none.
func WithNamespace(prefix string) Option { return func(s *settings) { s.namespace = prefix } }

// WithCallTimeout limits each call to etcd, beside the caller's context.
// Default: DefaultCallTimeout.
func WithCallTimeout(d time.Duration) Option { return func(s *settings) { s.timeout = d } }

// WithLease sets for how long a client that died is still listed, in whole seconds
// and rounded up. It is renewed at a third of that. etcd may make it longer.
// Default: DefaultLease.
func WithLease(d time.Duration) Option { return func(s *settings) { s.lease = d } }

// WithRefresh sets how often a watch reads the current state although it
// received no change (with a jitter of a quarter), which detects a connection
// that does not work in one direction. Default: DefaultRefresh.
func WithRefresh(d time.Duration) Option { return func(s *settings) { s.refresh = d } }

// apply reports everything that is wrong at once.
func apply(opts []Option) (settings, error) {
	s := settings{timeout: DefaultCallTimeout, lease: DefaultLease, refresh: DefaultRefresh}
	for _, o := range opts {
		o(&s)
	}
	var errs []error
	least := func(d, least time.Duration, option string) {
		if d < least {
			errs = append(errs, fmt.Errorf("etcd: %s: %s is too short: it must be %s or more", option, d, least))
		}
	}
	least(s.timeout, time.Millisecond, "WithCallTimeout")
	least(s.lease, time.Second, "WithLease")
	least(s.refresh, time.Second, "WithRefresh")
	return s, errors.Join(errs...)
}
