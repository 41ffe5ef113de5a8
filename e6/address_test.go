package e6_test

import (
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	e6config "github.com/e6data/e6data-go/e6/config"
	"github.com/e6data/e6data-go/e6/e6test"
)

func TestAddress_OfVersion6Connects(t *testing.T) {
	probe, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skipf("this machine has no IPv6: %v", err)
	}
	require.NoError(t, probe.Close())
	cluster := start(t, e6test.WithListenAddr("[::1]:0"))
	_, port, err := net.SplitHostPort(cluster.Addr())
	require.NoError(t, err)
	addresses := []string{"[::1]:" + port, " [0:0:0:0:0:0:0:1]:" + port + "\n"}
	if _, err := net.InterfaceByName("lo"); err == nil {
		addresses = append(addresses, "[::1%lo]:"+port, "[::1%25lo]:"+port)
	}
	for _, address := range addresses {
		client := open(t, cluster, func(c *e6.Config) { c.Address = address })
		require.NoError(t, client.Exec(t.Context(), "SELECT 1"), address)
		require.NotContains(t, client.Health().Address, " ")
		require.NoError(t, client.Close())

		dsn := "e6://u:t@" + strings.ReplaceAll(strings.TrimSpace(address), "%lo", "%25lo")
		cfg, err := e6config.ParseDSN(dsn)
		require.NoError(t, err, dsn)
		client, err = e6.Open(t.Context(), cfg)
		require.NoError(t, err, dsn)
		require.NoError(t, client.Close())
	}
}
