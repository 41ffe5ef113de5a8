package version

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSDK_IsAVersionOrDevel(t *testing.T) {
	require.Regexp(t, regexp.MustCompile(`^(devel|v\d+\.\d+\.\d+\S*)$`), SDK())
}
