package timeline

import (
	"bytes"
	"encoding/xml"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/recorder"
)

func TestTimeline_CursorIsALineOfItsOwn(t *testing.T) {
	from := time.Date(2030, 1, 31, 14, 0, 0, 0, time.UTC)
	o := Options{From: from, To: from.Add(time.Minute), Cursor: from.Add(30 * time.Second)}
	svg, err := New(o, Source{}).SVG()
	require.NoError(t, err)
	require.Regexp(t, `<path class="cursor" d="M513 18V\d+"><title>14:00:30\.000</title></path>`, string(svg), "in the middle of the lanes")
	o.Cursor = time.Time{}
	svg, err = New(o, Source{}).SVG()
	require.NoError(t, err)
	require.NotContains(t, string(svg), "cursor")
}

// An error of a server may contain characters that XML does not allow.
func TestTimeline_IsXMLWithAnyText(t *testing.T) {
	at := time.Date(2030, 1, 31, 14, 0, 0, 0, time.UTC)
	e := recorder.Event{Kind: events.KindStrategyChanged, Attrs: map[string]any{"to": "green\x00\x1b\ufffe", "error": "\x1b[31m\xff<b>&"}}
	var b bytes.Buffer
	require.NoError(t, New(Options{}, Source{Entries: []recorder.Entry{{Time: at, Data: e}}}).WriteFile(&b))
	for d := xml.NewDecoder(&b); ; {
		if _, err := d.Token(); err == io.EOF {
			return
		} else {
			require.NoError(t, err)
		}
	}
}
