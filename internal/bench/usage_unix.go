//go:build linux || darwin || freebsd

package bench

import (
	"syscall"
	"time"
)

// cpu is what the process has used of the processors so far.
func cpu() usage {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) != nil {
		return usage{}
	}
	return usage{time.Duration(r.Utime.Nano()), time.Duration(r.Stime.Nano())}
}
