package doctor

import (
	"cmp"
	"context"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/e6data/e6data-go/e6"
)

// short is the length below which a secret is only looked for as a word: the name of
// a user may be a part of many others.
const short = 8

// secrets are texts that may not leave this machine. They come from several
// goroutines, as a client fetches tokens in its own.
type secrets struct {
	mu    sync.Mutex
	list  []string
	users []string // who may show here, and not elsewhere
}

func (s *secrets) keep(texts ...string) { s.add(&s.list, texts) }

func (s *secrets) keepUser(name string) { s.add(&s.users, []string{name}) }

func (s *secrets) add(list *[]string, texts []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, text := range texts {
		if text = strings.TrimSpace(text); text != "" && !slices.Contains(*list, text) {
			*list = append(*list, text)
		}
	}
}

// of returns a configuration whose credentials are kept whenever a caller fetches
// them: tokens rotate, and an error may quote any of them.
func (s *secrets) of(cfg e6.Config) e6.Config {
	s.keepUser(cfg.User)
	s.keep(cfg.Token)
	if bearer := cfg.Bearer; bearer != nil {
		cfg.Bearer = func(ctx context.Context) (string, error) {
			token, err := bearer(ctx)
			s.keep(token)
			return token, err
		}
	}
	if login := cfg.Credentials; login != nil {
		cfg.Credentials = func(ctx context.Context) (user, token string, err error) {
			user, token, err = login(ctx)
			s.keepUser(user)
			s.keep(token)
			return user, token, err
		}
	}
	return cfg
}

// mask hides all of them, in what is sent to others.
func (s *secrets) mask(text string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return mask(text, slices.Concat(s.list, s.users))
}

// hide hides all but users, in what is printed here.
func (s *secrets) hide(text string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return mask(text, s.list)
}

// mask replaces secrets in a text, also where they are quoted, or part of JSON or of
// a URL.
func mask(text string, secrets []string) string {
	var forms []string
	for _, s := range secrets {
		if s == "" {
			continue
		}
		quoted := strings.Trim(strconv.Quote(s), `"`)
		for _, form := range []string{s, quoted, url.QueryEscape(s), url.PathEscape(s)} {
			forms = append(forms, form, inJSON(form))
		}
	}
	// The longest first: one may begin with another, and its rest would stay.
	slices.SortFunc(forms, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	for _, form := range slices.Compact(forms) {
		if len(form) >= short {
			text = strings.ReplaceAll(text, form, "***")
			continue
		}
		word := regexp.MustCompile(`(^|\W)` + regexp.QuoteMeta(form) + `($|\W)`)
		// Twice, as two words that share the space between them are one match.
		for range 2 {
			text = word.ReplaceAllString(text, "${1}***${2}")
		}
	}
	return text
}

// inJSON is a text as a string of JSON has it.
func inJSON(s string) string {
	text, err := json.Marshal(s)
	if err != nil { // a string always can
		return s
	}
	return string(text[1 : len(text)-1])
}
