package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/internal/visible"
)

func newClusterCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cluster",
		Short: "Show the cluster's status, suspend or resume it",
		Long:  "Cluster shows the status of the whole cluster, suspends it, or resumes it.",
		Args:  needsCommand,
		RunE:  func(*cobra.Command, []string) error { return nil }, // it always needs a command
	}
	cmd.AddCommand(&cobra.Command{
		Use:     "status",
		Short:   "Print the cluster's status",
		Long:    "Status prints the cluster's own status: active, suspended, resuming or\nfailed. It does not resume it.",
		Example: "  e6 cluster status --profile prod",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.cluster(cmd, func(ctx context.Context, c *e6.Client) error {
				status, err := c.ClusterStatus(ctx)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintln(a.out, visible.Line(string(status)))
				return err
			})
		},
	}, newSuspendCommand(a), &cobra.Command{
		Use:     "resume",
		Short:   "Resume a suspended cluster",
		Long:    "Resume resumes a suspended cluster and waits until it is active.",
		Example: "  e6 cluster resume --timeout 10m",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.cluster(cmd, func(ctx context.Context, c *e6.Client) error {
				if err := c.ResumeCluster(ctx); err != nil {
					return err
				}
				_, err := fmt.Fprintln(a.out, e6.ClusterActive)
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
		Short:   "Suspend the cluster, for all its users",
		Long:    "Suspend suspends the cluster, for all its users. It asks for a confirmation, unless\n--yes is given.",
		Example: "  e6 cluster suspend --yes",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.config(cmd)
			if err != nil {
				return err
			}
			if !yes && !a.confirmed("Suspend the cluster at "+cfg.Address+" for all its users?") {
				return errors.New("suspend the cluster: not confirmed: --yes skips the confirmation")
			}
			return a.cluster(cmd, func(ctx context.Context, c *e6.Client) error {
				status, err := c.SuspendCluster(ctx)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintln(a.out, visible.Line(string(status)))
				return err
			})
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "skip the confirmation")
	return cmd
}

// cluster runs do with a client that does not authenticate on a side first: a cluster
// that is suspended would refuse it, or resume.
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

// confirmed asks for a confirmation on the terminal; without a terminal it is false.
func (a *app) confirmed(question string) bool {
	if !a.interactive() {
		return false
	}
	_, _ = fmt.Fprint(a.errOut, question+" [y/N] ")
	line, _ := bufio.NewReader(a.in).ReadString('\n')
	answer := strings.ToLower(strings.TrimSpace(line))
	return answer == "y" || answer == "yes"
}
