package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/e6data/e6data-go/cmd/e6/internal/doctor"
	"github.com/e6data/e6data-go/e6/config"
)

func newDoctorCommand(a *app) *cobra.Command {
	var f doctorFlags
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check the configuration, the network and the cluster",
		Long: `Doctor checks everything between the configuration and a query, one after the other:
the values and the environment, the proxy of HTTPS_PROXY if clients use it, the
address, the connection, TLS, HTTP/2, the credentials, both sides and the form in which
one refuses, the cluster's status, latency, clocks, the statement SELECT 1, and the
store of --store if there is one. Each line has a verdict (ok, warn, fail, skip), what
was seen, and what to do. It changes nothing and resumes no suspended cluster.

With --probe it tests, with statements that only read, how the cluster's engine behaves
where engines differ, and prints the results as Markdown that can be attached to a
report: it holds no token, no session and no name of a host.

With --bundle it writes a zip archive for support:
the report, the configuration without secrets, versions, and the client's events.

The exit code is 1 if a check has failed.`,
		Example: `  e6 doctor --profile prod
  e6 doctor --json
  e6 doctor --probe > answers.md
  e6 doctor --bundle support.zip`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.json && f.probe {
				return &usageError{errors.New("both --json and --probe: want one of them"), cmd.CommandPath()}
			}
			return a.doctor(cmd, f)
		},
	}
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON")
	cmd.Flags().BoolVar(&f.probe, "probe", false, "test how the cluster's engine behaves")
	cmd.Flags().StringVar(&f.bundle, "bundle", "", "write a support archive to this `FILE`")
	return cmd
}

type doctorFlags struct {
	json, probe bool
	bundle      string
}

func (a *app) doctor(cmd *cobra.Command, f doctorFlags) error {
	ctx, cancel := a.limited(cmd)
	defer cancel()
	cfg, wrong := a.promptedConfig(cmd)
	if f.probe {
		if wrong != nil {
			return wrong
		}
		return cause(ctx, doctor.Probe(ctx, a.out, cfg))
	}
	var report doctor.Report
	if !f.json {
		report.OnLine = func(l doctor.Line) { _, _ = l.WriteTo(a.out) }
	}
	known := report.Run(ctx, cfg, wrong, a.connection.store)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if f.json {
		if err := report.WriteJSON(a.out); err != nil {
			return err
		}
	}
	if f.bundle != "" {
		if err := a.bundle(f.bundle, &report, config.Origins(a.connection.sources(cmd)...), known); err != nil {
			return err
		}
	}
	if report.Failed() {
		return statusError(exitStatement)
	}
	return nil
}

// bundle writes the support archive, which only its owner can read.
func (a *app) bundle(path string, report *doctor.Report, origins []config.Origin, known *doctor.Client) error {
	f, err := replace(path, 0o600)
	if err != nil {
		return err
	}
	if err := f.End(doctor.Bundle(f, report, origins, known)); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.errOut, "wrote %s: look at it before you send it\n", path)
	return err
}
