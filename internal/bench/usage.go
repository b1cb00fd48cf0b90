package bench

import (
	"bufio"
	"bytes"
	"os"
	"runtime"
	"strconv"
	"time"
)

// usage is processor time: the program's own, and the kernel's for it.
type usage struct{ user, system time.Duration }

func (u usage) since(before usage) usage {
	return usage{u.user - before.user, u.system - before.system}
}

func (u usage) whole() time.Duration { return u.user + u.system }

// memory is what the process takes, now and at its most, in bytes; where the
// system doesn't tell, what the Go runtime has taken from it.
func memory() (now, most int64) {
	raw, err := os.ReadFile("/proc/self/status")
	if err == nil {
		for s := bufio.NewScanner(bytes.NewReader(raw)); s.Scan(); {
			name, rest, _ := bytes.Cut(s.Bytes(), []byte(":"))
			kb, _ := strconv.ParseInt(string(bytes.TrimSuffix(bytes.TrimSpace(rest), []byte(" kB"))), 10, 64)
			switch string(name) {
			case "VmRSS":
				now = kb << 10
			case "VmHWM":
				most = kb << 10
			}
		}
	}
	if now == 0 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		now, most = int64(m.Sys-m.HeapReleased), int64(m.Sys)
	}
	return now, most
}
