//go:build !linux && !darwin && !freebsd

package bench

// cpu is not known here.
func cpu() usage { return usage{} }
