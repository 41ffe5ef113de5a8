package config

import (
	"log/slog"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/internal/settings"
)

// anyText is text of every kind of character that may be typed: all of ASCII that is
// printable, and some beyond.
var anyText = rapid.StringOfN(rapid.OneOf(rapid.Rune(), rapid.SampledFrom([]rune(
	" !\"#$%&'()*+,-./0123456789:;<=>?@AZ[\\]^_`az{|}~éñ€中"))), 0, 12, -1)

// anyConfig draws values for every setting.
func anyConfig(t *rapid.T) e6.Config {
	cfg := e6.Config{
		Address: rapid.SampledFrom([]string{"e6.example.com:443", "localhost:80", "[::1]:50052", "[fe80::1%eth0]:443", "10.0.0.7:1", "h.:65535"}).Draw(t, "address"),
	}
	for _, s := range settings.All() {
		field := reflect.ValueOf(&cfg).Elem().FieldByName(s.Field)
		if !rapid.Bool().Draw(t, "set "+s.Field) {
			continue
		}
		switch field.Kind() {
		case reflect.String:
			if s.Field == "LogFormat" {
				field.SetString(rapid.SampledFrom([]string{"", "text", "json"}).Draw(t, s.Field))
				continue
			}
			field.SetString(anyText.Draw(t, s.Field))
		case reflect.Bool:
			field.SetBool(rapid.Bool().Draw(t, s.Field))
		case reflect.Uint8:
			field.SetUint(rapid.Uint64Range(0, 2).Draw(t, s.Field))
		case reflect.Int, reflect.Int64:
			set := rapid.SampledFrom([]string{s.Min, s.Max, s.Default}).Draw(t, s.Field)
			if set != "0" {
				require.True(t, s.Set(&cfg, set), "%s=%s", s.Field, set)
			}
		}
	}
	return cfg
}

func TestDSN_OfEveryConfigIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := anyConfig(t)
		again, err := ParseDSN(cfg.FormatDSN())
		require.NoError(t, err, "%q", cfg.FormatDSN())
		require.Equal(t, cfg.FormatDSN(), again.FormatDSN())
		requireSame(t, cfg, again)

		// The text without secrets is a DSN too, and does not depend on the token.
		shown, err := ParseDSN(cfg.String())
		require.NoError(t, err, "%q", cfg.String())
		if cfg.Token != "" {
			require.Equal(t, "***", shown.Token)
		}
		shown.Token = cfg.Token
		requireSame(t, cfg, shown)
	})
}

// requireSame compares the fields that a DSN can set.
func requireSame(t *rapid.T, want, got e6.Config) {
	require.Equal(t, want.Address, got.Address)
	for _, s := range settings.All() {
		value := func(c e6.Config) any { return reflect.ValueOf(c).FieldByName(s.Field).Interface() }
		require.Equal(t, value(want), value(got), s.Field)
	}
}

func TestDSN_KeepsEveryPrintableCharacterOfEveryField(t *testing.T) {
	for r := ' '; r <= '~'; r++ {
		text := "a" + string(r) + "b" + string(r)
		cfg := e6.Config{Address: "localhost:1", User: text, Token: text, Catalog: text, Schema: text, ClusterName: text, CAFile: text, ServerName: text}
		again, err := ParseDSN(cfg.FormatDSN())
		require.NoError(t, err, "%q", cfg.FormatDSN())
		require.Equal(t, cfg, again, "%q", r)

		// So does a DSN that a program puts together with package net/url.
		u := url.URL{Scheme: "e6", User: url.UserPassword(text, text), Host: "localhost:1", Path: "/x", RawQuery: url.Values{"cluster": {text}}.Encode()}
		again, err = ParseDSN(u.String())
		require.NoError(t, err, "%q", u.String())
		require.Equal(t, []string{text, text, text}, []string{again.User, again.Token, again.ClusterName}, "%q", r)
	}
}

func TestDSN_HasAPlaceForEachOfCatalogAndSchema(t *testing.T) {
	for dsn, want := range map[string][2]string{
		"e6://u:t@h":                              {"", ""},
		"e6://u:t@h/":                             {"", ""},
		"e6://u:t@h/demo":                         {"demo", ""},
		"e6://u:t@h/demo/":                        {"demo", ""},
		"e6://u:t@h//sales":                       {"", "sales"},
		"e6://u:t@h/demo/sales":                   {"demo", "sales"},
		"e6://u:t@h/demo/sales/":                  {"demo", "sales"},
		"e6://u:t@h/de%2Fmo/sa%40les":             {"de/mo", "sa@les"},
		"e6://u:t@h?catalog=demo&schema=sales":    {"demo", "sales"},
		"e6://u:t@h/demo?database=sales":          {"demo", "sales"},
		"e6://u:t@h/demo/sales?schema=sales":      {"demo", "sales"},
		"e6s://u:t@h?Catalog=demo&db-name=sales":  {"demo", "sales"},
		"e6://u:t@h?cluster-uuid=x&catalog=a+b":   {"a b", ""},
		"e6s://u:t@h?secure=true&cluster-name=c&": {"", ""},
	} {
		cfg, err := ParseDSN(dsn)
		require.NoError(t, err, dsn)
		require.Equal(t, want, [2]string{cfg.Catalog, cfg.Schema}, dsn)
	}
}

func TestDSN_ErrorsNameTheDefectWithoutTheSecret(t *testing.T) {
	for dsn, want := range map[string]string{
		"e6s://u:pl4nted@h?clustr=c":                 "DSN parameter clustr is unknown: want cluster, if that is meant",
		"e6s://u:pl4nted@h?nonsense=1":               "DSN parameter nonsense is unknown: want a name that docs/configuration.md lists",
		"e6s://u:pl4nted@h?tls=false":                "TLS (DSN parameter tls) is given more than once",
		"e6s://u:pl4nted@h/demo?catalog=other":       "Catalog (DSN parameter catalog) is given more than once",
		"e6s://u:pl4nted@h?cluster=a&cluster_name=b": "is given more than once",
		"e6s://u:pl4nted@h:https":                    "Address (DSN) is ***: want a port between 1 and 65535: 443 in place of https",
		"e6s://u:pl4nted@h:0":                        "a port between 1 and 65535",
		"e6s://u:pl4/nted@h":                         "/ is %2F",
		"e6s://u:pl4#nted@h":                         "# is %23",
		"e6s://u:pl4nted%@h":                         "% is %25",
		"e6s://u:pl4nted":                            "a port between 1 and 65535",
		"e6s://u:pl4nted@h/c#fragment":               "# is %23",
		"e6s://u:pl4nted@h/a/b/c":                    "a slash in a name as %2F",
		"https://u:pl4nted@h":                        "with e6s:// in place of https://",
		"postgres://u:pl4nted@h":                     "want e6s://user:token@host:port",
		"h:443":                                      "want e6s://user:token@host:port",
		"e6s:u:pl4nted@h":                            "want e6s://user:token@host:port",
		"e6s://u:pl4nted@h?=x":                       `DSN parameter "" is unknown`,
		"e6s://u:pl4nted@h?a%1Bb=x":                  `DSN parameter "a\x1bb" is unknown`,
		"e6s://u:pl4nted@h?a=%zz":                    "DSN query is not well formed: want key=value",
		"'e6s://u:pl4nted@h'":                        "DSN is in quotes: want e6s://",
		"e6s://u@h?access_token=pl4&nted=x":          "DSN (a parameter) is unknown",
		"e6://u:pl4nted@h?sslmode=prefer":            `TLS (DSN parameter sslmode) is "prefer": want require or disable`,
		"e6s://u:pl4nted@h?sslmode=disable":          "TLS (DSN parameter sslmode) is given more than once",
		"e6s://u:pl4nted@h?max_attempts=99":          `MaxAttempts (DSN parameter max_attempts) is "99": want a whole number from 1 to 20`,
	} {
		_, err := ParseDSN(dsn)
		require.ErrorContains(t, err, want, dsn)
		require.NotContains(t, err.Error(), "pl4", dsn)
		require.NotContains(t, err.Error(), "nted", dsn)
		require.Less(t, len(err.Error()), 400, "an error is read by people: %s", err)
	}
}

func TestDSN_OfOtherClientsIsRead(t *testing.T) {
	want := e6.Config{Address: "e6.example.com:443", User: "me@example.com", Token: "s3cr t+", TLS: true, Catalog: "C", Schema: "D", ClusterName: "N"}
	without := func(change func(*e6.Config)) e6.Config {
		cfg := want
		change(&cfg)
		return cfg
	}
	noUser := without(func(c *e6.Config) { c.User, c.Token = "", "" })
	for dsn, want := range map[string]e6.Config{
		"jdbc:e6data://e6.example.com:443/database=D&catalog=C&secure=true&cluster-uuid=N":                                                                                                               noUser,
		"jdbc:e6data://e6.example.com:443/secure=true&cluster-name=N&catalog=C&database=D":                                                                                                               noUser,
		"JDBC:E6DATA://e6.example.com:443;database=D;catalog=C;secure=true;clusterName=N":                                                                                                                noUser,
		"jdbc:e6data://e6.example.com:443/?schema=D&catalog=C&ssl=true&cluster_name=N&cluster-uuid=old":                                                                                                  noUser,
		"jdbc:e6data://e6.example.com/D?catalog=C&secure=TRUE&cluster-name=N":                                                                                                                            noUser,
		"jdbc:e6data://e6.example.com:443/C/D;secure=true;cluster-name=N;user=me@example.com;password=s3cr%20t+":                                                                                         want,
		"e6data+e6data://me%40example.com:s3cr%20t+@e6.example.com:443/?catalog=C&schema=D&cluster-name=N&secure=true":                                                                                   want,
		"e6data://me@example.com:s3cr%20t%2B@e6.example.com:443/D?catalog=C&cluster_name=N&secure=1":                                                                                                     want,
		"e6data+e6data_async://me@example.com:s3cr%20t+@e6.example.com/?catalog=C&database=D&cluster-name=N&secure=true":                                                                                 want,
		`host=e6.example.com port=443 username=me@example.com password='s3cr t+' database=D catalog=C cluster_name=N secure=True`:                                                                        want,
		`Connection(host="e6.example.com", port=443, username='me@example.com', password='s3cr t+', catalog="C", database="D", cluster_name="N", secure=True, scheme='e6data', require_fastbinary=True)`: want,
		`{"host": "e6.example.com", "port": 443, "username": "me@example.com", "password": "s3cr t+", "catalog": "C", "database": "D", "cluster_name": "N", "secure": true, "cluster_uuid": null}`:       want,
		"Host=e6.example.com; Port=443; User=me@example.com; Password=s3cr t+; Database=D; Catalog=C; Cluster-Name=N; Secure=yes;":                                                                       want,
		`host=e6.example.com port=443 user=me@example.com password='s3cr t+' dbname=D catalog=C cluster_name=N sslmode=require`:                                                                          want,
		"Server=e6.example.com;Port=443;Uid=me@example.com;Pwd=s3cr t+;Database=D;Catalog=C;Cluster_Name=N;SslMode=VERIFY_IDENTITY":                                                                      want,
		`conn = Connection(host="e6.example.com", port=443, username='me@example.com', password='s3cr t+', catalog="C", database="D", cluster_name="N", secure=True)`:                                    want,
		`host='e6.example.com', port=443, username='me@example.com', password="s3cr t+", catalog='C', database='D', cluster_name='N', secure=True, auto_resume=False, debug=True, grpc_options={'keepalive_time_ms': 15000, 'grpc_prepare_timeout': 300}`: without(func(c *e6.Config) {
			c.NoAutoResume, c.KeepaliveTime, c.PrepareTimeout, c.LogLevel = true, 15*time.Second, 5*time.Minute, slog.LevelDebug
		}),
	} {
		got, err := ParseDSN(dsn)
		require.NoError(t, err, dsn)
		require.Equal(t, want, got, dsn)
	}
}

func TestDSN_OfOtherClientsIsAnsweredWithItsEquivalent(t *testing.T) {
	for dsn, texts := range map[string][]string{
		"jdbc:e6data://e6.example.com:443/catalog=C&secure=true&user=me&password=pl4nted&fetchSize=10": {
			"a parameter", "e6s://me:***@e6.example.com:443/C as a DSN"},
		"jdbc:e6data://e6.example.com:443/catalog=C&secure=true&fetchSize=10&user=me&password=pl4nted": {
			"connection string parameter fetchSize is unknown", "e6s://me:***@e6.example.com:443/C as a DSN"},
		"e6data+e6data://u:pl4nted@e6.example.com/?catalog=C&secure=perhaps": {
			`TLS (connection string parameter secure) is "perhaps": want true or false`, "e6://u:***@e6.example.com:80/C as a DSN"},
		"e6data+e6data://u:pl4nted@e6.example.com/?catalog=C&fetchSize=1": {"parameter fetchSize is unknown"},
		"jdbc:e6data://h/catalog=C&password=pl4&secure=nted":              {"TLS (connection string parameter secure) is ***"},
		"e6s://h?password=pl4&auto_resume=nted":                           {"NoAutoResume (DSN parameter auto_resume) is ***"},
		"e6s://h?password=pl4&nted=1":                                     {"a parameter"},
		"e6data+e6data://u:pl4/nted@e6.example.com/?catalog=C":            {"not well formed"},
		"e6data+e6data://u:12/pl4nted@e6.example.com/":                    {"not well formed"},
		"host=h password=pl4nted=x nted":                                  {"not well formed"},
		"host=h password=pl4;nted=x":                                      {"not well formed"},
		"host=h;password=pl4;nted=x":                                      {"a parameter", "a token in quotes or percent-encoded"},
		"host=h:x password=pl4nted":                                       {"a port between 1 and 65535"},
	} {
		_, err := ParseDSN(dsn)
		require.Error(t, err, dsn)
		for _, text := range texts {
			require.ErrorContains(t, err, text, dsn)
		}
		require.NotContains(t, err.Error(), "pl4", dsn)
		require.NotContains(t, err.Error(), "nted", dsn)
	}
}

func TestAddress_IsReadTheSameFromEverySource(t *testing.T) {
	from := map[string]func(text string) Source{
		"environment": func(text string) Source { return env(map[string]string{"HOST": text}) },
		"profile":     func(text string) Source { return FromValues("profile", map[string]string{"address": text}) },
		"host":        func(text string) Source { return FromValues("profile", map[string]string{"host": text}) },
		"DSN":         func(text string) Source { return FromDSN("e6s://u:t@" + text) },
		"JDBC":        func(text string) Source { return FromDSN("jdbc:e6data://" + text + "/secure=true") },
		"list":        func(text string) Source { return FromDSN("secure=true;host=" + text) },
	}
	for text, want := range map[string]string{
		"localhost:50052": "localhost:50052", "localhost": "localhost:PORT", "[::1]": "[::1]:PORT", "::1": "[::1]:PORT",
		"[::1]:50052": "[::1]:50052", "[fe80::1%25eth0]:443": "[fe80::1%eth0]:443", "[fe80::1%eth0]:443": "[fe80::1%eth0]:443",
		"e6.example.com.": "e6.example.com.:PORT", "10.0.0.7:443": "10.0.0.7:443",
		"h:0": "", "h:70000": "", "h:https": "", "e6 example.com": "", "[::1": "", "300.1.1.1": "", "h,i": "",
	} {
		for name, source := range from {
			cfg, err := Load(source(text))
			if want == "" {
				require.Error(t, err, "%s: %s", name, text)
				require.Contains(t, problemsIn(t, err), "Address", "%s: %s", name, text)
				continue
			}
			require.NoError(t, err, "%s: %s", name, text)
			port := map[bool]string{true: "443", false: "80"}[cfg.TLS]
			require.Equal(t, strings.ReplaceAll(want, "PORT", port), cfg.Address, "%s: %s", name, text)
			cfg.User, cfg.Token, cfg.TLS = "u", "t", true
			require.NoError(t, cfg.Validate())
		}
		cfg := e6.Config{Address: strings.ReplaceAll(want, "PORT", "443"), User: "u", Token: "t", TLS: true}
		if want == "" {
			cfg.Address = text
		}
		require.Equal(t, want == "", cfg.Validate() != nil, "the field: %s", text)
	}
	_, err := Load(env(map[string]string{"HOST": "h:1", "PORT": "2"}))
	require.ErrorContains(t, err, `Address (E6DATA_HOST and E6DATA_PORT) is "h:1" and "2": want one port`)
	cfg, err := Load(env(map[string]string{"HOST": "h:1", "PORT": "1"}))
	require.NoError(t, err)
	require.Equal(t, "h:1", cfg.Address)
	_, err = Load(env(map[string]string{"HOST": "https://h/"}))
	require.ErrorContains(t, err, `Address (E6DATA_HOST) is "https://h/": want a host and a port alone: h:443, with TLS switched on`)
}

func TestDSN_DecodesWhatAURLEncodes(t *testing.T) {
	cfg, err := ParseDSN("e6s://" + url.UserPassword("me@example.com", "a:b/c?d#e").String() + "@host/my%2Fcatalog/sales?cluster=Prod&auto_resume=false&keepalive_time=20s")
	require.NoError(t, err)
	require.Equal(t, "host:443", cfg.Address)
	require.Equal(t, "me@example.com", cfg.User)
	require.Equal(t, "a:b/c?d#e", cfg.Token)
	require.Equal(t, "my/catalog", cfg.Catalog)
	require.Equal(t, "sales", cfg.Schema)
	require.True(t, cfg.TLS)
	require.True(t, cfg.NoAutoResume)
	require.Equal(t, 20*time.Second, cfg.KeepaliveTime)
}
