package conformance

import (
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// silentListener occupies an address whose connections are not answered, as that of a machine that is gone: it accepts
// none, and its queue is full, so that the system drops every further SYN. release gives the address
// back.
func silentListener(t testing.TB, addr string) (release func()) {
	to, err := net.ResolveTCPAddr("tcp4", addr)
	require.NoError(t, err)
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	require.NoError(t, syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1))
	require.NoError(t, syscall.Bind(fd, &syscall.SockaddrInet4{Port: to.Port, Addr: [4]byte(to.IP.To4())}))
	require.NoError(t, syscall.Listen(fd, 0))
	var queued []net.Conn
	for {
		c, err := net.DialTimeout("tcp", addr, 200*time.Millisecond)
		if err != nil {
			break
		}
		queued = append(queued, c)
	}
	release = sync.OnceFunc(func() {
		_ = syscall.Close(fd)
		for _, c := range queued {
			_ = c.Close()
		}
	})
	t.Cleanup(release)
	return release
}
