package profile

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/auth"
	"github.com/e6data/e6data-go/e6/config"
)

// reader turns the values of a profile into sources.
type reader struct {
	origin   string
	values   map[string]any
	problems []e6.Problem
}

// holdsSecret reports whether the profile has a secret value.
func (p *reader) holdsSecret() bool {
	return p.values["oauth_client_secret"] != nil || p.tokenKey() != ""
}

// tokenKey is the key of the token, under any of its names, and empty without one.
func (p *reader) tokenKey() string {
	for key := range p.values {
		if slices.ContainsFunc(config.Settings(), func(s config.Setting) bool { return s.Secret && s.Named(key) }) {
			return key
		}
	}
	return ""
}

func (p *reader) bad(key, value, want string) {
	p.problems = append(p.problems, e6.Problem{Field: p.origin + ": " + key, Value: value, Want: want})
}

// source reads the credentials, and leaves the rest to e6.
func (p *reader) source() config.Source {
	credentials := p.credentials()
	texts := make(map[string]string, len(p.values))
	for _, key := range slices.Sorted(maps.Keys(p.values)) {
		if text, ok := textOf(p.values[key]); ok {
			texts[key] = text
		} else {
			p.bad(key, fmt.Sprintf("a %T", p.values[key]), "text, a number, or true or false")
		}
	}
	sources := []config.Source{config.FromValues(p.origin, texts)}
	if credentials != nil {
		sources = append(sources, credentials)
	}
	return config.Join(append(sources, config.FromProblems(p.problems...))...)
}

// credentials takes the keys about credentials out, and returns nil if there are
// none of a source of tokens.
func (p *reader) credentials() config.Source {
	var found []string
	var source config.Source
	add := func(key string, s config.Source) {
		found = append(found, key)
		source = s
	}
	if path, ok := p.text("token_file"); ok {
		add("token_file", config.FromToken(auth.File(path)))
	}
	if command, ok := p.list("token_command"); ok {
		add("token_command", config.FromToken(auth.Command(command[0], command[1:]...)))
	}
	if path, ok := p.text("bearer_file"); ok {
		add("bearer_file", config.FromBearer(auth.File(path)))
	}
	if command, ok := p.list("bearer_command"); ok {
		add("bearer_command", config.FromBearer(auth.Command(command[0], command[1:]...)))
	}
	if s := p.oauth(); s != nil {
		add("oauth_token_url", s)
	}
	if key := p.tokenKey(); key != "" {
		found = append(found, key)
	}
	if len(found) > 1 {
		p.bad(strings.Join(found, ", "), "given together", "one of them")
	}
	return source
}

// oauth reads client credentials.
func (p *reader) oauth() config.Source {
	c := clientcredentials.Config{}
	given := false
	take := func(key string, into *string) {
		text, ok := p.text(key)
		*into, given = text, given || ok
	}
	take("oauth_token_url", &c.TokenURL)
	take("oauth_client_id", &c.ClientID)
	take("oauth_client_secret", &c.ClientSecret)
	secretFile, style := "", ""
	take("oauth_client_secret_file", &secretFile)
	take("oauth_auth_style", &style)
	if p.values["oauth_scopes"] != nil {
		c.Scopes, _ = p.list("oauth_scopes")
		given = true
	}
	if !given {
		return nil
	}
	for key, value := range map[string]string{"oauth_token_url": c.TokenURL, "oauth_client_id": c.ClientID} {
		if value == "" {
			p.bad(key, "empty", "a value, as other keys of OAuth are given")
		}
	}
	if (c.ClientSecret == "") == (secretFile == "") {
		p.bad("oauth_client_secret", "given twice or not at all", "a value, or oauth_client_secret_file")
	}
	switch style {
	case "":
	case "basic":
		c.AuthStyle = oauth2.AuthStyleInHeader
	case "body":
		c.AuthStyle = oauth2.AuthStyleInParams
	default:
		p.bad("oauth_auth_style", strconv.Quote(style), "basic or body; left out, the client finds out")
	}
	return config.FromBearer(auth.OAuth2(&clientSource{c, secretFile}))
}

// clientSource is a source of tokens whose client secret may be in a file.
type clientSource struct {
	config     clientcredentials.Config
	secretFile string
}

// Token implements oauth2.TokenSource. Keeping a token is its caller's.
func (s *clientSource) Token() (*oauth2.Token, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c := s.config
	if s.secretFile != "" {
		secret, err := auth.File(s.secretFile)(ctx)
		if err != nil {
			return nil, err
		}
		c.ClientSecret = secret
	}
	return c.Token(ctx)
}

// text takes a key of text out.
func (p *reader) text(key string) (string, bool) {
	value, ok := p.values[key]
	delete(p.values, key)
	if !ok {
		return "", false
	}
	text, ok := value.(string)
	if !ok || text == "" {
		p.bad(key, fmt.Sprintf("a %T", value), "text that is not empty")
	}
	return text, true
}

// list takes a key out that holds a list of texts, or one text.
func (p *reader) list(key string) ([]string, bool) {
	value, ok := p.values[key]
	delete(p.values, key)
	if !ok {
		return nil, false
	}
	var texts []string
	switch v := value.(type) {
	case string:
		texts = []string{v}
	case []any:
		for _, one := range v {
			text, ok := one.(string)
			if !ok {
				texts = nil
				break
			}
			texts = append(texts, text)
		}
	}
	if len(texts) == 0 || texts[0] == "" {
		p.bad(key, fmt.Sprintf("a %T", value), `a list of texts that is not empty, such as ["pass", "show", "e6"]`)
		return []string{""}, true
	}
	return texts, true
}

// textOf is a value as the text of a DSN has it.
func textOf(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	}
	return "", false
}
