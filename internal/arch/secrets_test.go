package arch

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A secretForm is what keys or tokens look like whose makers gave them a form.
type secretForm struct {
	name string
	// hints are texts of which each match contains one, in lower case. To look for them
	// is a hundred times as fast as the expression.
	hints []string
	form  *regexp.Regexp
}

var secretForms = []secretForm{
	{"a private key", []string{"private key-----"}, regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{16}`)},
	{"an AWS key", []string{"akia", "asia"}, regexp.MustCompile(`\b(?:AKIA|ASIA)[0-9A-Z]{16}\b`)},
	{"a GitHub token", []string{"ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"}, regexp.MustCompile(`\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{22,})`)},
	{"a GitLab token", []string{"glpat-"}, regexp.MustCompile(`\bglpat-[A-Za-z0-9_-]{20}`)},
	{"a Google key", []string{"aiza"}, regexp.MustCompile(`\bAIza[0-9A-Za-z_-]{35}`)},
	{"a Slack token", []string{"xox"}, regexp.MustCompile(`\bxox[abeprs]-[0-9A-Za-z-]{10,}`)},
	{"a payment key", []string{"k_live_"}, regexp.MustCompile(`\b[rs]k_live_[0-9A-Za-z]{16,}`)},
	{"an npm token", []string{"npm_"}, regexp.MustCompile(`\bnpm_[A-Za-z0-9]{36}`)},
	{"a signed token", []string{"eyj"}, regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}`)},
	{"a password in a URL", []string{"http://", "https://"}, regexp.MustCompile(`\bhttps?://[^/\s:@"]+:[^/\s:@"*<{$]{8,}@[a-z0-9-]+\.(?:com|net|io|org|cloud)\b`)},
	{"an authorization value", []string{"authorization: "}, regexp.MustCompile(`(?i)authorization: (?:bearer|basic) [A-Za-z0-9+/=_.-]{20,}`)},
}

// secretIn names the first secret in a text, and is empty if there is none.
func secretIn(text []byte) string {
	lower := bytes.ToLower(text)
	for _, s := range secretForms {
		hinted := slices.ContainsFunc(s.hints, func(hint string) bool { return bytes.Contains(lower, []byte(hint)) })
		if hinted && s.form.Match(text) {
			return s.name
		}
	}
	return ""
}

func TestArch_NoFileHoldsASecret(t *testing.T) {
	read := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == ".git" || d.Name() == ".bin" || d.Name() == ".sbom" || d.Name() == ".conformance" || d.Name() == "node_modules"):
			return filepath.SkipDir
		case !d.Type().IsRegular():
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil || bytes.IndexByte(text, 0) >= 0 {
			return err // a file with NUL is no text
		}
		read++
		require.Empty(t, secretIn(text), "%s holds what looks like a secret", path)
		return nil
	})
	require.NoError(t, err)
	require.Greater(t, read, 100)
}

func TestTheFormsOfSecretsAreRecognised(t *testing.T) {
	x := func(n int) string { return strings.Repeat("x", n) }
	for _, secret := range []string{
		"-----BEGIN " + "RSA PRIVATE KEY-----\n" + x(64), "-----BEGIN " + "PRIVATE KEY-----\n" + x(64),
		"key = " + "AKIA" + strings.Repeat("A", 16), "ghp" + "_" + x(36), "github" + "_pat_" + x(30), "glpat" + "-" + x(20),
		"AIza" + x(35), "xoxb" + "-" + strings.Repeat("1", 12), "sk" + "_live_" + x(24), "npm" + "_" + x(36),
		"eyJ" + x(20) + ".eyJ" + x(20) + "." + x(20), "https://me:" + x(12) + "@example.com/x", "Authorization: Bearer" + " " + x(32),
	} {
		require.NotEmpty(t, secretIn([]byte(secret)), secret)
	}
	require.Empty(t, secretIn([]byte("e6s://user:token@host:port and Authorization: Bearer <token>")))
}

func TestArch_NoProgramSkipsTLSVerification(t *testing.T) {
	set := regexp.MustCompile(`InsecureSkipVerify\s*(?::\s*true|=)`)
	goFiles(t, func(path, text string) {
		if !strings.HasSuffix(path, "_test.go") {
			require.Empty(t, set.FindString(text), "%s turns the verification of certificates off", path)
		}
	})
}
