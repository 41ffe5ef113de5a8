package conformance

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/fsm"
)

// variable are the parts of the doctor's output that differ from run to run.
var variable = []struct {
	part *regexp.Regexp
	by   string
}{
	{regexp.MustCompile(`e6 \(?[\w.-]+\)?(,| with) `), "e6 VERSION$1 "},
	{regexp.MustCompile(`go1\.[\w.-]+`), "GO"},
	{regexp.MustCompile(`gRPC [\d.]+(-\w+)?`), "gRPC VERSION"},
	{regexp.MustCompile(`\w+/(amd64|arm64)`), "PLATFORM"},
	{regexp.MustCompile(`\b20\d\d-\d\d-\d\d\b`), "DATE"},
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "ADDRESS"},
	{regexp.MustCompile(`\b\d+(\.\d+)?(ns|µs|ms|s)\b`), "TIME"},
	{regexp.MustCompile(`done (false, 0|true, 1) rows`), "done or not"}, // at that moment
	{regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`), "ID"},
}

// TestDoctor compares the report and the answers of e6 doctor behind each ingress with
// testdata/doctor-*.txt.
func TestDoctor(t *testing.T) {
	enabled(t)
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			r := record(t, "doctor", "e6 doctor and e6 doctor --probe", k.name)
			path, err := k.program()
			if missing(k.name, err) {
				t.Skipf("%s is not installed", k.name)
			}
			require.NoError(t, err)
			setVersion(k.name, k.version(path))
			addrs := map[fsm.Side]string{fsm.Blue: freeAddr(t), fsm.Green: freeAddr(t)}
			listens(t, run(t, emulatorProgram(t), "--listen", "127.0.0.1:0", "--admin", "", "--engine-blue", addrs[fsm.Blue], "--engine-green", addrs[fsm.Green]), addrs[fsm.Green])
			in := k.start(t, path, addrs[fsm.Blue], addrs[fsm.Green], limits{})
			var got strings.Builder
			for _, flags := range [][]string{nil, {"--probe"}} {
				args := append([]string{"doctor", "--address", in.addr(), "--catalog", "demo", "--schema", "sales"}, flags...)
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				doctor := command(ctx, program(t, "e6", "../../cmd/e6", "."), args...)
				doctor.Env = []string{"HOME=" + t.TempDir(), "E6DATA_USERNAME=user@example.com", "E6DATA_PASSWORD=a-token-of-a-test"}
				var warnings bytes.Buffer
				doctor.Stderr = &warnings
				text, err := output(t, doctor)
				if exit := new(exec.ExitError); !errors.As(err, &exit) {
					require.NoError(t, err)
				}
				got.WriteString("$ " + strings.Join(append([]string{"e6", "doctor"}, flags...), " ") + "\n" + string(text) + warnings.String() + "\n")
			}
			text := strings.TrimSuffix(got.String(), "\n")
			for _, v := range variable {
				text = v.part.ReplaceAllString(text, v.by)
			}
			golden := filepath.Join("testdata", "doctor-"+strings.ToLower(k.name)+".txt")
			want, err := os.ReadFile(golden)
			if err != nil || string(want) != text {
				r.fail("the output is not the one of " + golden)
			}
			require.NoError(t, err, "the output is\n%s", text)
			require.Equal(t, string(want), text)
		})
	}
}
