package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/e6data/e6data-go/cmd/e6/internal/output"
	"github.com/e6data/e6data-go/e6"
)

func newClusterCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cluster",
		Short: "Ask for the cluster's status, suspend it, wake it",
		Long:  "Cluster asks for the status of the whole cluster, suspends it, or wakes it up.",
		Args:  needsCommand,
		RunE:  func(*cobra.Command, []string) error { return nil }, // it always needs a command
	}
	cmd.AddCommand(&cobra.Command{
		Use:     "status",
		Short:   "Print the cluster's status",
		Long:    "Status prints what the cluster says about itself: active, suspended, resuming or\nfailed. It does not wake it.",
		Example: "  e6 cluster status --profile prod",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.cluster(cmd, func(ctx context.Context, c *e6.Client) error {
				status, err := c.ClusterStatus(ctx)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintln(a.out, output.Visible(string(status)))
				return err
			})
		},
	}, newSuspendCommand(a), &cobra.Command{
		Use:     "resume",
		Short:   "Wake a suspended cluster",
		Long:    "Resume wakes a suspended cluster and waits until it is active.",
		Example: "  e6 cluster resume --timeout 10m",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.cluster(cmd, func(ctx context.Context, c *e6.Client) error {
				if err := c.ResumeCluster(ctx); err != nil {
					return err
				}
				_, err := fmt.Fprintln(a.out, e6.StatusActive)
				return err
			})
		},
	})
	return cmd
}

func newSuspendCommand(a *app) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:     "suspend",
		Short:   "Put the cluster to sleep, for everybody",
		Long:    "Suspend puts the cluster to sleep, for all its users. It asks first, unless --yes is\ngiven.",
		Example: "  e6 cluster suspend --yes",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.config(cmd)
			if err != nil {
				return err
			}
			if !yes && !a.confirmed("Suspend the cluster at "+cfg.Address+" for all its users?") {
				return errors.New("the cluster is left as it is: --yes suspends it without a question")
			}
			return a.cluster(cmd, func(ctx context.Context, c *e6.Client) error {
				status, err := c.SuspendCluster(ctx)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintln(a.out, output.Visible(string(status)))
				return err
			})
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return cmd
}

// cluster runs do with a client that asks neither side for a login first: a cluster
// that is asleep would have none, or wake up.
func (a *app) cluster(cmd *cobra.Command, do func(ctx context.Context, c *e6.Client) error) error {
	ctx, cancel := a.limited(cmd)
	defer cancel()
	client, err := a.open(ctx, cmd, e6.WithLazyOpen())
	if err != nil {
		return cause(ctx, err)
	}
	defer func() { _ = client.Close() }()
	return cause(ctx, do(ctx, client))
}

// confirmed asks a person; there must be one.
func (a *app) confirmed(question string) bool {
	if !a.interactive() {
		return false
	}
	_, _ = fmt.Fprint(a.errOut, question+" [y/N] ")
	line, _ := bufio.NewReader(a.in).ReadString('\n')
	answer := strings.ToLower(strings.TrimSpace(line))
	return answer == "y" || answer == "yes"
}
