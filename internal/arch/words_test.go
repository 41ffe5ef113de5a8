package arch

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
)

var lowerRatchet = flag.Bool("lower", false, "write the counts that have fallen into testdata/ratchet.txt")

const (
	wordList    = "testdata/words.txt"
	ratchetFile = "testdata/ratchet.txt"
)

// The kinds of text that are counted apart.
const (
	kindMarkdown = "markdown"
	kindComment  = "comment"
	kindString   = "string"
	kindName     = "identifier"
)

// A phrase is an entry of the word list.
type phrase struct {
	pattern     *regexp.Regexp
	hints       []string
	replacement string
}

// mayOccur reports whether a text, which is in lower case, can have the phrase.
func (p phrase) mayOccur(lower string) bool {
	return len(p.hints) == 0 || slices.ContainsFunc(p.hints, func(hint string) bool { return strings.Contains(lower, hint) })
}

func newPhrase(t *testing.T, pattern, replacement string) phrase {
	t.Helper()
	pattern = "(?i)" + pattern
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	require.NoError(t, err, pattern)
	return phrase{regexp.MustCompile(pattern), hintsOf(parsed), replacement}
}

// hintsOf returns texts in lower case, one of which is in each match of an expression, or
// nothing. To look for them is a hundred times as fast as the expression.
func hintsOf(re *syntax.Regexp) (hints []string) {
	switch re.Op {
	case syntax.OpLiteral:
		return []string{strings.ToLower(string(re.Rune))}
	case syntax.OpCapture, syntax.OpPlus:
		return hintsOf(re.Sub[0])
	case syntax.OpConcat: // the part whose shortest hint is the longest
		for _, sub := range re.Sub {
			if of := hintsOf(sub); shortest(of) > shortest(hints) {
				hints = of
			}
		}
	case syntax.OpAlternate: // one of each part
		for _, sub := range re.Sub {
			of := hintsOf(sub)
			if len(of) == 0 {
				return nil
			}
			hints = append(hints, of...)
		}
	}
	return hints
}

// shortest is the length of the shortest hint, and 0 if there is none.
func shortest(hints []string) int {
	if len(hints) == 0 {
		return 0
	}
	return len(slices.MinFunc(hints, func(a, b string) int { return len(a) - len(b) }))
}

// words is the word list. allowed phrases are removed from a line before it is matched.
type words struct {
	prose, names, allowed []phrase
}

// A finding is a place that has a phrase of the list.
type finding struct {
	kind, file, text, replacement string
	line                          int
}

func (u finding) String() string {
	return fmt.Sprintf("%s:%d: %s %q: use %s", u.file, u.line, u.kind, u.text, u.replacement)
}

func readWords(t *testing.T, text string) words {
	t.Helper()
	var w words
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		columns := strings.Split(line, "\t")
		switch columns[0] {
		case "prose":
			w.prose = append(w.prose, newPhrase(t, columns[1], columns[2]))
		case "name":
			w.names = append(w.names, newPhrase(t, columns[1], columns[2]))
		case "allow":
			w.allowed = append(w.allowed, newPhrase(t, columns[1], ""))
		default:
			require.FailNow(t, "unknown column", "%s: %s", wordList, line)
		}
	}
	return w
}

// match adds the uses of phrases in one line.
func (w words) match(uses []finding, list []phrase, at finding, line string) []finding {
	lower := strings.ToLower(line)
	for _, p := range w.allowed {
		if p.mayOccur(lower) {
			line = p.pattern.ReplaceAllString(line, "")
		}
	}
	for _, p := range list {
		if !p.mayOccur(lower) {
			continue
		}
		for _, found := range p.pattern.FindAllString(line, -1) {
			at.text, at.replacement = strings.TrimSpace(found), p.replacement
			uses = append(uses, at)
		}
	}
	return uses
}

func (w words) inMarkdown(file string, text []byte) (uses []finding) {
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		uses = w.match(uses, w.prose, finding{kind: kindMarkdown, file: file, line: number}, strings.TrimSpace(line))
	}
	return uses
}

// inGo reads the tokens of a file. An identifier counts once a file.
func (w words) inGo(file string, text []byte) (uses []finding) {
	files := token.NewFileSet()
	f := files.AddFile(file, files.Base(), len(text))
	var s scanner.Scanner
	s.Init(f, text, nil, scanner.ScanComments)
	seen := map[string]bool{}
	for {
		pos, tok, literal := s.Scan()
		at := finding{file: file, line: f.Line(pos)}
		switch tok {
		case token.EOF:
			return uses
		case token.COMMENT:
			at.kind = kindComment
			for line := range strings.Lines(literal) {
				uses = w.match(uses, w.prose, at, strings.Trim(line, "/* \t\n"))
				at.line++
			}
		case token.STRING:
			at.kind = kindString
			uses = w.match(uses, w.prose, at, strings.Trim(literal, "\"`"))
		case token.IDENT:
			if !seen[literal] {
				seen[literal] = true
				at.kind = kindName
				before := len(uses)
				uses = w.match(uses, w.names, at, splitName(literal))
				for i := range uses[before:] {
					uses[before+i].text = literal
				}
			}
		}
	}
}

// splitName separates the words of an identifier: "isHTTPError" is "is http error".
func splitName(name string) string {
	var b strings.Builder
	letters := []rune(name)
	for i, r := range letters {
		starts := unicode.IsUpper(r) && i > 0 && (!unicode.IsUpper(letters[i-1]) || i+1 < len(letters) && unicode.IsLower(letters[i+1]))
		if starts || r == '_' {
			b.WriteByte(' ')
		}
		if r != '_' {
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return b.String()
}

// A ratchet holds how many uses a directory may have, by "directory kind".
type ratchet map[string]int

func readRatchet(t *testing.T) ratchet {
	t.Helper()
	text, err := os.ReadFile(ratchetFile)
	require.NoError(t, err)
	r := ratchet{}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] != "#" {
			count, err := strconv.Atoi(fields[2])
			require.NoError(t, err, line)
			r[fields[0]+" "+fields[1]] = count
		}
	}
	return r
}

func (r ratchet) write(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile(ratchetFile)
	require.NoError(t, err)
	var b strings.Builder
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] != "#" {
			line = fmt.Sprintf("%s %s %d\n", fields[0], fields[1], r[fields[0]+" "+fields[1]])
		}
		b.WriteString(line)
	}
	require.NoError(t, os.WriteFile(ratchetFile, []byte(b.String()), 0o644))
}

// directory returns the listed directory that a file counts for: the longest that contains it.
// Code that moves into a new package under a listed directory stays in the same count.
func (r ratchet) directory(file string) string {
	for dir := filepath.ToSlash(filepath.Dir(file)); ; dir = filepath.ToSlash(filepath.Dir(dir)) {
		if _, ok := r[dir+" "+kindMarkdown]; ok || dir == "." {
			return dir
		}
	}
}

// texts calls fn for every Markdown and Go file that was written by hand.
func texts(t *testing.T, fn func(path string, text []byte)) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || d.Name() == ".git" || d.Name() == ".bin" || d.Name() == ".conformance") {
			return filepath.SkipDir
		}
		if d.IsDir() || filepath.Ext(path) != ".go" && filepath.Ext(path) != ".md" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if filepath.Ext(path) == ".go" {
			file, err := parser.ParseFile(token.NewFileSet(), path, text, parser.PackageClauseOnly|parser.ParseComments)
			if err != nil || ast.IsGenerated(file) {
				return err
			}
		}
		name, err := filepath.Rel(root, path)
		fn(filepath.ToSlash(name), text)
		return err
	}))
}

// Each directory has at most the uses that testdata/ratchet.txt records. The record only
// falls: go test ./internal/arch -run TestWordList -lower.
func TestWordList_DirectoriesStayBelowTheirRatchet(t *testing.T) {
	text, err := os.ReadFile(wordList)
	require.NoError(t, err)
	w, recorded := readWords(t, string(text)), readRatchet(t)
	lines, uses := map[string]int{}, map[string][]finding{}
	texts(t, func(path string, text []byte) {
		dir := recorded.directory(path)
		find, language := w.inGo, " go"
		if filepath.Ext(path) == ".md" {
			find, language = w.inMarkdown, " markdown"
		}
		lines[dir+language] += bytes.Count(text, []byte("\n"))
		for _, u := range find(path, text) {
			uses[dir+" "+u.kind] = append(uses[dir+" "+u.kind], u)
		}
	})
	for _, key := range slices.Sorted(maps.Keys(recorded)) {
		dir, kind, _ := strings.Cut(key, " ")
		total := lines[dir+" go"]
		if kind == kindMarkdown {
			total = lines[dir+" markdown"]
		}
		found := uses[key]
		if total > 0 {
			t.Logf("%-16s %-10s %4d of %4d recorded, %5.2f per thousand of %d lines", dir, kind, len(found), recorded[key], 1000*float64(len(found))/float64(total), total)
		}
		if len(found) > recorded[key] {
			for _, u := range found {
				t.Log(u)
			}
			t.Errorf("%s has %d uses of phrases of internal/arch/%s in its %s text, and %d are recorded: replace the new one (all are listed above)", dir, len(found), wordList, kind, recorded[key])
		} else if *lowerRatchet {
			recorded[key] = len(found)
		}
	}
	if *lowerRatchet && !t.Failed() {
		recorded.write(t)
	}
}

func TestWordList_FindsPhrasesInEveryKindOfText(t *testing.T) {
	w := readWords(t, "prose\t\\bgrey\\b\tgray\nname\t\\bgrey first\\b\tgrayFirst\nallow\tall grey\n")
	uses := w.inGo("a.go", []byte("package a\n\n// It is grey.\n// All grey, 7.\nfunc greyFirst() string { return greyFirst() + \"Grey twice, grey\" }\n"))
	var got []string
	for _, u := range uses {
		got = append(got, u.String())
	}
	require.Equal(t, []string{
		`a.go:3: comment "grey": use gray`,
		`a.go:5: identifier "greyFirst": use grayFirst`,
		`a.go:5: string "Grey": use gray`,
		`a.go:5: string "grey": use gray`,
	}, got)
	require.Len(t, w.inMarkdown("a.md", []byte("grey\nAll grey\nIt was grey.\n")), 2)
	require.Equal(t, "is http error of 2nd", splitName("isHTTPErrorOf_2nd"))
}
