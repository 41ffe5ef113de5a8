package timeline

// A shape is a path around the origin. Each outcome and kind has its own, so that its colour is
// not the only sign of it.
type shape string

const (
	circle     shape = "m-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0z"
	dot        shape = "m-2 0a2 2 0 1 0 4 0a2 2 0 1 0 -4 0z"
	halfCircle shape = "m-3.5 -1a3.5 3.5 0 1 0 7 0z"
	up         shape = "m0 -4l4 7.5h-8z"
	down       shape = "m0 4l4 -7.5h-8z"
	right      shape = "m-2.5 -4l6.5 4l-6.5 4z"
	diamond    shape = "m0 -4.2l4.2 4.2l-4.2 4.2l-4.2 -4.2z"
	square     shape = "m-3.5 -3.5h7v7h-7z"
	crossed    shape = "m-3.5 -3.5h7v7h-7zl7 7m0 -7l-7 7"
	cross      shape = "m-3 -3l6 6m0 -6l-6 6"
	slash      shape = "m-3 3.5l6 -7"
	column     shape = "m-3 4v-6h6v6z"
	noEntry    shape = "m-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0zm1 -2.5l5 5"
	flagged    shape = "m-2.5 4.5v-9l6 2.8l-6 2.8"
	hexagon    shape = "m-2 -3.6h4l2 3.6l-2 3.6h-4l-2 -3.6z"
	bang       shape = "m0 -4.5v5.5m0 2v1.5"
	warning    shape = "m0 -4.5l4.5 8h-9zm0 2.5v3"
	pulse      shape = "m-4.5 0h2.5l1.5 -4l2 8l1.5 -4h1.5"
	plus       shape = "m-3.5 0h7m-3.5 -3.5v7"
	stack      shape = "m-4 -3h8m-8 3h8m-8 3h8"
	bracket    shape = "m-3 -4h4v8h-4"
	bars       shape = "m-3 -4v8m3 -8v8m3 -8v8"
	hourglass  shape = "m-3 -4h6l-6 8h6z"
)

// shapes are the shapes by outcome and kind of signal.
var shapes = map[string]shape{
	"ok": column, "retried": circle, "replayed": up, "continued": diamond, "failed": cross, "lost": square,
	withoutSide: crossed, "problem": warning, "health": pulse, "hook failure": bang, "exhausted streams": bars, "guard": hexagon, "announcement": flagged,
	"store failure": stack, "stage": plus, "resume": right, "closed": bracket,
	"refusal": noEntry, "failed probe": down, "abandoned query": slash, "expired session": halfCircle, "queued query": hourglass, "login": dot,
}

func shapeOf(kind string) shape { return shapes[kind] }

// at is the path around a point.
func (s shape) at(x, y float64) string { return "M" + px(x) + " " + px(y) + string(s) }
