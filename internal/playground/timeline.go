package playground

import (
	"fmt"
	"time"

	"github.com/e6data/e6data-go/internal/timeline"
)

// timelineSpan is the time that the timeline shows.
const timelineSpan = 45 * time.Second

// TimelineCSS are the styles of the timeline.
var TimelineCSS = timeline.CSS

// Timeline draws the last seconds from the flight recording of the client, as an svg element of
// that width in CSS pixels, with times of the local zone.
func (p *Playground) Timeline(width int) (string, error) {
	recording, err := p.current().recorder.Recording()
	if err != nil {
		return "", fmt.Errorf("read the flight recording: %w", err)
	}
	t := timeline.Live(timeline.Options{Width: max(width, timeline.MinWidth), Zone: time.Local}, recording.Entries, timelineSpan, time.Now())
	svg, err := t.SVG()
	return string(svg), err
}
