package fleet

import "time"

// Hurried takes in what comes late so soon.
func Hurried(o MonitorOptions, late time.Duration) MonitorOptions {
	o.late = late
	return o
}
