package e6

import (
	"context"

	"github.com/e6data/e6data-go/e6/internal/exec"
)

// ClusterStatus is what a cluster says about itself.
type ClusterStatus string

// The statuses that were seen. There may be others.
const (
	ClusterActive    ClusterStatus = exec.ClusterActive
	ClusterSuspended ClusterStatus = exec.ClusterSuspended
	ClusterResuming  ClusterStatus = exec.ClusterResuming
	ClusterFailed    ClusterStatus = exec.ClusterFailed
)

// ClusterStatus asks the cluster for its status. It does not wake it.
func (c *Client) ClusterStatus(ctx context.Context) (ClusterStatus, error) {
	status, err := c.exec.ClusterStatus(ctx)
	return ClusterStatus(status), err
}

// SuspendCluster puts the cluster to sleep, for all its clients.
func (c *Client) SuspendCluster(ctx context.Context) (ClusterStatus, error) {
	status, err := c.exec.SuspendCluster(ctx)
	return ClusterStatus(status), err
}

// ResumeCluster wakes a suspended cluster and waits, within ctx and
// Config.ResumeTimeout, until it is active. It does so whatever
// Config.NoAutoResume says.
func (c *Client) ResumeCluster(ctx context.Context) error { return c.exec.ResumeCluster(ctx) }
