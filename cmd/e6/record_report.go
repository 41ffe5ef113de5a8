package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/e6data/e6data-go/cmd/e6/internal/record"
	"github.com/e6data/e6data-go/e6/recorder"
	"github.com/e6data/e6data-go/internal/report"
	"github.com/e6data/e6data-go/internal/visible"
)

// reportFlags are the flags of e6 record report.
type reportFlags struct {
	asHTML, asJSON, noPager bool
	out                     string
	since, until            string
}

// check reports flags without a meaning. The name of the output file selects HTML too.
func (f *reportFlags) check(cmd *cobra.Command) error {
	switch strings.ToLower(filepath.Ext(f.out)) {
	case ".html", ".htm":
		f.asHTML = f.asHTML || !f.asJSON
	case ".json":
		f.asJSON = f.asJSON || !f.asHTML
	}
	if f.asHTML && f.asJSON {
		return &usageError{errors.New("both --html and --json: want one of them"), cmd.CommandPath()}
	}
	return nil
}

// window sets the window of a report. Times without a date are relative to the last entry of all
// recordings.
func (f *reportFlags) window(cmd *cobra.Command, sources []report.Source) (o report.Options, err error) {
	o.Zone = time.Local
	latest := sources[0].Recording
	for _, s := range sources {
		if end(s.Recording).After(end(latest)) {
			latest = s.Recording
		}
	}
	if f.since != "" {
		if o.Since, _, err = record.When(f.since, latest, time.Local); err != nil {
			return o, &usageError{fmt.Errorf("--since: %w", err), cmd.CommandPath()}
		}
	}
	if f.until != "" {
		if _, o.Until, err = record.When(f.until, latest, time.Local); err != nil {
			return o, &usageError{fmt.Errorf("--until: %w", err), cmd.CommandPath()}
		}
	}
	if !o.Until.IsZero() && o.Until.Before(o.Since) {
		return o, &usageError{fmt.Errorf("--until %s is before --since %s", f.until, f.since), cmd.CommandPath()}
	}
	return o, nil
}

// end is the time of the last entry.
func end(r *recorder.Recording) (at time.Time) {
	if n := len(r.Entries); n > 0 {
		at = r.Entries[n-1].Time
	}
	return at
}

// write writes a report in the selected form. Text from a recording cannot control the terminal.
func (f *reportFlags) write(r *report.Report, w io.Writer) error {
	switch {
	case f.asHTML:
		return r.Page(w)
	case f.asJSON:
		return r.JSON(w)
	}
	var b bytes.Buffer
	if err := r.Text(&b); err != nil {
		return err
	}
	for line := range strings.Lines(b.String()) {
		if _, err := fmt.Fprintln(w, visible.Line(strings.TrimSuffix(line, "\n"))); err != nil {
			return err
		}
	}
	return nil
}

// recordFiles checks the arguments of a command that reads several recordings.
func recordFiles(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("%s takes the FILE of one or more recordings, and got none", cmd.Name())
	}
	return nil
}

func newRecordReportCommand(a *app) *cobra.Command {
	var f reportFlags
	cmd := &cobra.Command{
		Use:   "report FILE...",
		Short: "Describe the cutovers in recordings, with advice",
		Long: `Report describes each change of the active side in a recording: what changed and why, how
long each phase took, which queries were retried, replayed, continued or lost, and which
setting would have helped.

The files of several clients become one report: their changes to the same side within
seconds are one change.

--html writes a page with timelines: it is one file without scripts, which can be mailed
or attached to an incident. --json writes one document with all affected queries. The
name of the file that --output selects (.html, .json) selects the form too.`,
		Example: `  e6 record report /var/lib/app/e6.rec
  e6 record report e6.rec --since 14:00 --until 14:05
  e6 record report pod-1.rec pod-2.rec pod-3.rec -o report.html
  e6 record report e6.rec --json | jq '.findings[].rule'`,
		Args: recordFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(cmd); err != nil {
				return err
			}
			var sources []report.Source
			for _, path := range args {
				r, err := record.Read(path)
				if err != nil {
					return err
				}
				sources = append(sources, report.Source{Name: path, Recording: r})
			}
			window, err := f.window(cmd, sources)
			if err != nil {
				return err
			}
			r := report.New(window, sources...)
			_, toTerminal := onTerminal(a.out)
			to, err := a.sinkOf(f.out, toTerminal, f.noPager || f.asHTML || f.asJSON)
			if err != nil {
				return err
			}
			return to.End(f.write(r, to))
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.asHTML, "html", false, "write a page in HTML with timelines")
	flags.BoolVar(&f.asJSON, "json", false, "write one document in JSON")
	flags.StringVarP(&f.out, "output", "o", "", "`FILE` to write instead of the standard output")
	flags.StringVar(&f.since, "since", "", "`TIME` of the first entry: 14:02, \"2030-01-31 14:02\", or 10m before the end")
	flags.StringVar(&f.until, "until", "", "`TIME` of the last entry, in the same forms")
	flags.BoolVar(&f.noPager, "no-pager", false, "do not use a pager")
	return cmd
}
