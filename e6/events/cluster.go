package events

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
)

// KindClusterResume is the kind of ClusterResume.
const KindClusterResume Kind = "cluster_resume"

// ClusterResume: the resume of a suspended cluster started, made progress or ended.
type ClusterResume struct {
	// Status is the status of the cluster, as it reports it.
	Status  string
	Elapsed time.Duration
	// Done is set on the last event of a resume.
	Done bool
	// Error is why the resume failed, and empty if it did not.
	Error string
}

// String describes the event in one line.
func (d ClusterResume) String() string {
	if d.Error != "" {
		return fmt.Sprintf("resume of the cluster failed after %s: %s", short(d.Elapsed), d.Error)
	}
	return fmt.Sprintf("the cluster is %s after %s", d.Status, short(d.Elapsed))
}

func (d ClusterResume) attrs(a *attrs) {
	a.text("status", d.Status)
	a.ms("elapsed_ms", d.Elapsed)
	a.add(slog.Bool("done", d.Done))
	a.text("error", d.Error)
}

func (ClusterResume) sides() sideSet { return 0 }

func (d ClusterResume) level(fsm.Reason) slog.Level { return warnIf(d.Error != "") }
