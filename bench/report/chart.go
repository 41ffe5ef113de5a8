// Package report writes what was measured into documents: charts, and texts between marks.
package report

import (
	"bytes"
	"image/color"
	"os"
	"path/filepath"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// inks are the colours of the lines, in their order.
var inks = []color.Color{
	color.RGBA{R: 0x1f, G: 0x5f, B: 0xbf, A: 0xff}, color.RGBA{R: 0x8a, G: 0x8a, B: 0x8a, A: 0xff},
	color.RGBA{R: 0xc0, G: 0x50, B: 0x20, A: 0xff}, color.RGBA{R: 0x2f, G: 0x8f, B: 0x4f, A: 0xff},
}

// Curve is a chart of something that grows with something else.
type Curve struct {
	File, Title, X, Y string
	// Steep is set where what is measured grows by factors too. It is above 0 then.
	Steep bool
	Lines []Line // four at the most
}

// Line is one line of a Curve.
type Line struct {
	Name string
	X, Y []float64
}

// Draw writes the curve as an SVG into a folder. The X values grow by factors, so the X axis
// is logarithmic; the Y axis begins with 0 unless the curve is steep.
func (c Curve) Draw(folder string) error {
	plot.DefaultFont = font.Font{Typeface: "Liberation", Variant: "Sans"}
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = c.Title, c.X, c.Y
	p.BackgroundColor = color.White
	p.X.Scale = plot.LogScale{}
	p.Y.Min = 0
	room := 1.5 // above the lines, for their names
	if c.Steep {
		p.Y.Scale, p.Y.Min, room = plot.LogScale{}, 1, 10
	}
	p.Title.Padding = vg.Points(10)
	p.Legend.Top, p.Legend.Left, p.Legend.XOffs = true, true, vg.Points(10)
	p.Add(plotter.NewGrid())
	var ticks []plot.Tick
	for i, l := range c.Lines {
		points := make(plotter.XYs, len(l.X))
		for j := range points {
			points[j] = plotter.XY{X: l.X[j], Y: l.Y[j]}
			p.Y.Max = max(p.Y.Max, room*l.Y[j])
		}
		drawn, dots, err := plotter.NewLinePoints(points)
		if err != nil {
			return err
		}
		drawn.Color, dots.Color = inks[i], inks[i]
		drawn.Width = vg.Points(2)
		p.Add(drawn, dots)
		p.Legend.Add(l.Name, drawn, dots)
		if i == 0 {
			for _, x := range l.X {
				ticks = append(ticks, plot.Tick{Value: x, Label: whole(x)})
			}
		}
	}
	p.X.Tick.Marker = plot.ConstantTicks(ticks)
	p.Y.Tick.Marker = plot.TickerFunc(func(low, high float64) []plot.Tick {
		var ticks []plot.Tick
		if c.Steep {
			ticks = plot.LogTicks{Prec: -1}.Ticks(low, high)
		} else {
			ticks = plot.DefaultTicks{}.Ticks(low, high)
		}
		for i, t := range ticks {
			if t.Label != "" {
				ticks[i].Label = strconv.FormatFloat(t.Value, 'f', -1, 64)
			}
		}
		return ticks
	})
	paper := vgsvg.New(16*vg.Centimeter, 9*vg.Centimeter)
	edge := vg.Points(8) // for half of the name of the last tick
	p.Draw(draw.Crop(draw.New(paper), edge, -edge, edge, -edge))
	var svg bytes.Buffer
	if _, err := paper.WriteTo(&svg); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, c.File), svg.Bytes(), 0o644)
}

func whole(x float64) string { return strconv.FormatFloat(x, 'f', 0, 64) }
