// Package config reads an e6.Config from text: a data source name (DSN), environment
// variables, values by name, and the connection strings of other clients of the engine.
//
//	cfg, err := config.Load(config.FromEnv(), config.FromDSN(dsn))
//
// A later source overrides an earlier one, field by field. Package profile adds a source for
// files of named profiles. The fields of the Config can be changed afterwards; e6.Open
// validates the whole.
//
// All sources use one table of settings, with the same names, defaults and limits: Settings
// returns it, and docs/configuration.md prints it. An error is an *e6.ConfigError that lists
// every problem and masks secrets.
package config
