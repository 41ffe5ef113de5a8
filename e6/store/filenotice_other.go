//go:build !linux

package store

import (
	"context"
	"errors"
)

// notices are only used on Linux: elsewhere the memory is looked at.
type notices struct{}

func newNotices(string) (notices, error) { return notices{}, errors.ErrUnsupported }

func (notices) run(context.Context, func(name string)) {}
