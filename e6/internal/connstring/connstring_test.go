package connstring

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestParse_RejectsOtherTexts(t *testing.T) {
	for _, text := range []string{
		"", "h:443", "postgres://u:t@h", "e6data", "e6data:u:t", "jdbc:mysql://h/db", "just some words", "{}", "f()", "=", "a=", "host='open",
		"host=h password", "host=h x y=z",
	} {
		pairs, known, err := Parse(text)
		require.NoError(t, err, text)
		if text == "a=" {
			require.Equal(t, []Pair{{Name: "a"}}, pairs)
			continue
		}
		require.False(t, known, "%q: %v", text, pairs)
	}
}

func TestParse_HidesWhatMayBeAPartOfASecret(t *testing.T) {
	for text, hidden := range map[string]string{
		"jdbc:e6data://h/catalog=c&password=a&b=c&d=e": "b d",
		"e6data://h/?token=a&b=c":                      "b",
		"e6data://h/?k/ey=a":                           "k/ey",
		"host=h;password=a;b=c":                        "b",
		"host=h;password='a;b=c';catalog=x":            "",
		`{"password": "a", "catalog": "c"}`:            "",
	} {
		pairs, known, err := Parse(text)
		require.NoError(t, err, text)
		require.True(t, known, text)
		var got []string
		for _, p := range pairs {
			if p.Hidden {
				got = append(got, p.Name)
			}
		}
		require.Equal(t, hidden, strings.Join(got, " "), text)
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"jdbc:e6data://h:443/database=D&catalog=C", "e6data+e6data://u:t@h:443/?catalog=C", "host=h port=443 password='x y'",
		`Connection(host="h", grpc_options={'a': 1})`, `{"host": "h"}`, "Host=h;Password=a;b", "e6data://a@b@c/x/y?=;&", `k='\'`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		pairs, known, err := Parse(text)
		require.True(t, known || len(pairs) == 0 && err == nil)
		for _, p := range pairs {
			require.True(t, p.Hidden || p.Name == "host" || nameForm.MatchString(p.Name), "%q shows %q", text, p.Name)
		}
	})
}
