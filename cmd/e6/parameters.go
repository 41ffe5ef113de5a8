package main

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/vector"
)

// parameters are the arguments of a statement that --arg and --param give.
func parameters(args, params []string) ([]any, error) {
	var values []any
	for _, text := range args {
		values = append(values, parameter(text))
	}
	for _, p := range params {
		name, text, found := strings.Cut(p, "=")
		name = strings.TrimLeft(name, ":@")
		if !found || name == "" {
			return nil, fmt.Errorf("--param %q: want NAME=VALUE", p)
		}
		values = append(values, sql.Named(name, parameter(text)))
	}
	return values, nil
}

// parameter is the value that a text stands for: a number, a truth value, null, or
// else text.
func parameter(text string) any {
	switch text {
	case "true", "false":
		return text == "true"
	case "null":
		return nil
	}
	if strings.HasPrefix(text, `"`) {
		var s string
		if json.Unmarshal([]byte(text), &s) == nil {
			return s
		}
	}
	if !number(text) {
		return text
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n
	}
	if !strings.ContainsAny(text, "eE") {
		if d, err := vector.ParseDecimal(text); err == nil {
			return e6.Decimal(d)
		}
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return text
	}
	return f
}

// number reports whether a text is a number as JSON has it: 007 is none, and
// nor is NaN.
func number(text string) bool {
	var n json.Number
	return text != "" && text[0] != '"' && json.Unmarshal([]byte(text), &n) == nil
}
