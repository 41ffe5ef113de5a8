package e6

import (
	"context"

	"github.com/e6data/e6data-go/e6/internal/exec"
)

// ClusterStatus is the status that a cluster reports.
type ClusterStatus string

// The known statuses. A cluster may report others.
const (
	ClusterActive    ClusterStatus = exec.ClusterActive
	ClusterSuspended ClusterStatus = exec.ClusterSuspended
	ClusterResuming  ClusterStatus = exec.ClusterResuming
	ClusterFailed    ClusterStatus = exec.ClusterFailed
)

// ClusterStatus returns the status of the cluster. It does not resume a suspended cluster.
func (c *Client) ClusterStatus(ctx context.Context) (ClusterStatus, error) {
	status, err := c.exec.ClusterStatus(ctx)
	return ClusterStatus(status), err
}

// SuspendCluster suspends the cluster, for all its clients.
func (c *Client) SuspendCluster(ctx context.Context) (ClusterStatus, error) {
	status, err := c.exec.SuspendCluster(ctx)
	return ClusterStatus(status), err
}

// ResumeCluster resumes a suspended cluster and waits, within ctx and
// Config.ResumeTimeout, until it is active. Config.NoAutoResume has no effect on it.
func (c *Client) ResumeCluster(ctx context.Context) error { return c.exec.ResumeCluster(ctx) }
