//go:build !linux && !darwin && !freebsd

package app

import "errors"

func freeSpace(string) (free, whole uint64, err error) { return 0, 0, errors.ErrUnsupported }
