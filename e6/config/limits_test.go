package config

import (
	"errors"
	"math"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/internal/settings"
)

// valid is a configuration without a problem.
func valid() e6.Config { return e6.Config{Address: "localhost:1", User: "u", Token: "t"} }

// problemsIn lists what is wrong, by field.
func problemsIn(t *testing.T, err error) map[string]e6.Problem {
	t.Helper()
	all := map[string]e6.Problem{}
	if err != nil {
		wrong, ok := errors.AsType[*e6.ConfigError](err)
		require.True(t, ok, "%v", err)
		for _, p := range wrong.Problems {
			all[p.Field] = p
		}
	}
	return all
}

func TestLimits_AreTheSameForAFieldAsForItsText(t *testing.T) {
	for _, s := range settings.All() {
		if s.Min == "" {
			continue
		}
		least, most := limitOf(t, s.Min), limitOf(t, s.Max)
		for _, n := range []int64{math.MinInt64, -1, 1, 999, least - 1, least, least + 1, limitOf(t, s.Default), most - 1, most, most + 1, math.MaxInt64} {
			cfg := valid()
			field := reflect.ValueOf(&cfg).Elem().FieldByName(s.Field)
			field.SetInt(n)
			p, refused := problemsIn(t, cfg.Validate())[s.Field]
			if n == 0 {
				require.False(t, refused, "the zero value of %s is its default", s.Field)
				continue
			}
			text := strconv.FormatInt(n, 10)
			if field.Type() == reflect.TypeFor[time.Duration]() {
				text = time.Duration(n).String()
			}
			_, err := Load(FromValues("profile", map[string]string{s.Name(): text}))
			require.Equal(t, err != nil, refused, "%s of %s", s.Field, text)
			require.Equal(t, n < least || n > most, refused, "%s of %s", s.Field, text)
			if refused {
				require.Contains(t, p.Want, s.Min)
				require.Contains(t, p.Want, s.Max)
			}
		}
	}
}

func limitOf(t *testing.T, text string) int64 {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n
	}
	d, err := time.ParseDuration(text)
	require.NoError(t, err)
	return int64(d)
}
