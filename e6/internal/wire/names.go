package wire

import (
	"context"
	"errors"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/resolver"
)

// Pauses of the name lookups. gRPC's own resolver looks a name up every 30 s at most,
// and after a failure waits up to two minutes.
const (
	lookupEvery   = time.Second
	lookupRetry   = 2 * time.Second
	lookupTimeout = 10 * time.Second
)

// names looks up the host of the target for all connections: for the first connection,
// when one is lost or cannot be made, and on demand.
type names struct {
	lookup func(ctx context.Context, host string) ([]string, error)

	ctx    context.Context
	cancel context.CancelFunc
	kick   chan struct{} // a lookup is wanted
	done   sync.WaitGroup

	mu       sync.Mutex
	started  bool
	host     string
	port     string
	found    []string // the addresses of the last lookup that succeeded
	stale    bool     // they are about to be looked up again
	watching map[*nameWatch]struct{}
}

func newNames(lookup func(context.Context, string) ([]string, error)) *names {
	if lookup == nil {
		lookup = func(ctx context.Context, host string) ([]string, error) {
			return net.DefaultResolver.LookupHost(ctx, host)
		}
	}
	n := &names{lookup: lookup, kick: make(chan struct{}, 1), watching: make(map[*nameWatch]struct{})}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	return n
}

// builder returns the resolver builder of one connection. It has the default scheme of
// gRPC, so that gRPC's support of proxies still works: behind a proxy, the proxy resolves
// the name. The order of several addresses depends on the number of the connection, so
// that connections are spread over the replicas of an ingress.
func (n *names) builder(number int) resolver.Builder { return &nameBuilder{n, number} }

type nameBuilder struct {
	names  *names
	number int
}

// Scheme implements resolver.Builder.
func (*nameBuilder) Scheme() string { return "dns" }

// Build implements resolver.Builder.
func (b *nameBuilder) Build(target resolver.Target, cc resolver.ClientConn, opts resolver.BuildOptions) (resolver.Resolver, error) {
	host, port, err := net.SplitHostPort(target.Endpoint())
	if err != nil || host == "" || port == "" || target.URL.Host != "" {
		return resolver.Get("dns").Build(target, cc, opts) // another form of target, or one with its own name server
	}
	w := &nameWatch{names: b.names, cc: cc, number: b.number}
	if _, err := netip.ParseAddr(host); err == nil {
		w.update([]string{host}, port)
		return w, nil
	}
	b.names.add(w, host, port)
	return w, nil
}

// nameWatch is the resolver of one connection.
type nameWatch struct {
	names  *names
	cc     resolver.ClientConn
	number int
}

// ResolveNow implements resolver.Resolver.
func (w *nameWatch) ResolveNow(resolver.ResolveNowOptions) { w.names.resolve() }

// Close implements resolver.Resolver.
func (w *nameWatch) Close() {
	w.names.mu.Lock()
	defer w.names.mu.Unlock()
	delete(w.names.watching, w)
}

// update passes the addresses to gRPC.
func (w *nameWatch) update(hosts []string, port string) {
	state := resolver.State{}
	for _, host := range rotate(hosts, w.number) {
		a := resolver.Address{Addr: net.JoinHostPort(host, port)}
		state.Addresses = append(state.Addresses, a)
		state.Endpoints = append(state.Endpoints, resolver.Endpoint{Addresses: []resolver.Address{a}})
	}
	_ = w.cc.UpdateState(state) // it fails for an empty list only
}

// rotate rotates the addresses at the start that have the family of the first one.
func rotate(hosts []string, by int) []string {
	family := func(host string) bool { a, err := netip.ParseAddr(host); return err == nil && a.Is4() }
	same := 1
	for same < len(hosts) && family(hosts[same]) == family(hosts[0]) {
		same++
	}
	if len(hosts) == 0 || by%same == 0 {
		return hosts
	}
	by %= same
	return slices.Concat(hosts[by:same], hosts[:by], hosts[same:])
}

// add registers a connection for the results of lookups.
func (n *names) add(w *nameWatch, host, port string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ctx.Err() != nil {
		return
	}
	n.watching[w] = struct{}{}
	if !n.started {
		n.started, n.host, n.port = true, host, port
		n.done.Go(n.run)
		return
	}
	if len(n.found) > 0 && !n.stale {
		w.update(n.found, n.port)
	}
}

// resolve requests a lookup.
func (n *names) resolve() {
	select {
	case n.kick <- struct{}{}:
	default:
	}
}

// renew requests a lookup; new connections wait for its result.
func (n *names) renew() {
	n.mu.Lock()
	n.stale = n.started
	n.mu.Unlock()
	n.resolve()
}

// run looks the name up, whenever that is requested or a failed lookup is retried.
func (n *names) run() {
	for n.ctx.Err() == nil {
		var retry time.Duration
		if !n.look() {
			retry = lookupRetry
		}
		n.wait(lookupEvery, nil)
		n.wait(retry, n.kick)
	}
}

// wait waits for a time, or without a limit if d is 0, or until kick has a value.
func (n *names) wait(d time.Duration, kick <-chan struct{}) {
	var over <-chan time.Time
	if d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		over = t.C
	}
	select {
	case <-n.ctx.Done():
	case <-kick:
	case <-over:
	}
}

var errNoAddresses = errors.New("the name server knows the host, but no address of it: produced zero addresses")

// look looks the name up once and reports whether that succeeded. If it failed, the
// earlier addresses stay in use.
func (n *names) look() bool {
	ctx, cancel := context.WithTimeout(n.ctx, lookupTimeout)
	defer cancel()
	found, err := n.lookup(ctx, n.host)
	if err == nil && len(found) == 0 {
		err = errNoAddresses
	}
	n.mu.Lock()
	n.stale = false
	if err == nil {
		n.found = found
	}
	found = n.found
	watching := slices.Collect(maps.Keys(n.watching))
	n.mu.Unlock()
	// Without the lock: gRPC may call Close of a resolver, which takes the lock, while it
	// handles an update.
	for _, w := range watching {
		if len(found) == 0 {
			w.cc.ReportError(err)
			continue
		}
		w.update(found, n.port)
	}
	return err == nil
}

// close ends the lookups.
func (n *names) close() {
	n.mu.Lock()
	n.cancel() // from now on, add starts no lookup
	n.mu.Unlock()
	n.done.Wait()
}
