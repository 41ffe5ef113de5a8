package watch

import (
	"context"
	"io"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"github.com/e6data/e6data-go/e6/debug"
)

// Live draws what is watched on a terminal, again and again, until ctx ends or the user
// presses q. Without styles it has neither colours nor bold or faint letters.
func Live(ctx context.Context, in io.Reader, out io.Writer, shown Shown, every time.Duration, noStyles bool) error {
	m := model{ctx: ctx, sources: shown.Sources, every: every, panels: newPanels(shown.Sources), fleets: newFleets(shown.Fleets), width: 80, height: 24}
	options := []tea.ProgramOption{tea.WithContext(ctx), tea.WithInput(in), tea.WithOutput(out), tea.WithoutSignalHandler()}
	if noStyles {
		options = append(options, tea.WithColorProfile(colorprofile.NoTTY))
	}
	program := tea.NewProgram(m, options...)
	following, stop := context.WithCancel(ctx)
	wait := follow(following, shown.Fleets, func(t fleetUpdate) { program.Send(t) })
	_, err := program.Run()
	stop()
	wait()
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// model is the state of the screen.
type model struct {
	ctx           context.Context
	sources       []Source
	every         time.Duration
	panels        *panels
	fleets        *fleets
	width, height int
}

// looked is the result of one read of a source.
type looked struct {
	source int
	state  debug.State
	err    error
}

// again is the wish to look at a source once more.
type again int

// Init implements tea.Model.
func (m model) Init() tea.Cmd {
	cmds := make([]tea.Cmd, len(m.sources))
	for i := range m.sources {
		cmds[i] = m.look(i)
	}
	return tea.Batch(cmds...)
}

func (m model) look(i int) tea.Cmd {
	return func() tea.Msg {
		state, err := m.sources[i].Look(m.ctx)
		return looked{i, state, err}
	}
}

// Update implements tea.Model.
func (m model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		switch msg.String() {
		case "q", "esc", "ctrl+c":
			return m, tea.Quit
		}
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case looked:
		m.panels.look(msg.source, msg.state, msg.err)
		return m, tea.Tick(m.every, func(time.Time) tea.Msg { return again(msg.source) })
	case fleetUpdate:
		m.fleets.states[msg.fleet] = msg
	case again:
		return m, m.look(int(msg))
	}
	return m, nil
}

// View implements tea.Model.
func (m model) View() tea.View {
	v := tea.NewView(m.panels.screen(m.width, m.height, time.Now(), m.fleets.draw()))
	v.AltScreen = true
	return v
}
