// Package profile reads configuration from a file of named profiles:
//
//	default = "dev"
//
//	[profiles.dev]
//	address = "localhost:9000"
//	user = "me@example.com"
//	token_command = ["pass", "show", "e6/dev"]
//	catalog = "demo"
//
//	[profiles.prod]
//	address = "e6.example.com:443"
//	tls = true
//	cluster = "analytics"
//	detection_timeout = "45s"
//	oauth_token_url = "https://login.example.com/token"
//	oauth_client_id = "reports"
//	oauth_client_secret_file = "/run/secrets/e6"
//	oauth_scopes = ["sql"]
//
// The file is TOML. The keys are those of config.ValueNames. Credentials outside of
// the file come from token_file (read for every authentication), token_command,
// bearer_file, bearer_command, or the client credentials of OAuth. A file that has a
// secret must not be readable by other users.
//
// File returns a config.Source. In the usual order, the environment and a data source
// name override it:
//
//	cfg, err := config.Load(profile.File("", ""), config.FromEnv(), config.FromDSN(dsn))
package profile
