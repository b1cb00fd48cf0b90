package app

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	"yiwang/credential"
)

// healthFolder, in the data folder, is where whoever runs the city puts the
// certificates of those whose health certificates it believes.
const healthFolder = "health-signers"

// healthRefresh is how old what was read of the folder may become.
const healthRefresh = time.Minute

// healthSigners reads the folder again when it is asked and what it has is old.
type healthSigners struct {
	dir string
	log *slog.Logger

	mu    sync.Mutex
	trust *credential.Trust
	at    time.Time
}

// Trust is what lies in the folder; nothing where there is none. A folder that can't
// be read leaves what was read before.
func (h *healthSigners) Trust() *credential.Trust {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	if h.trust != nil && now.Sub(h.at) < healthRefresh && !now.Before(h.at) {
		return h.trust
	}
	t, faults, err := credential.LoadTrust(os.DirFS(h.dir))
	switch {
	case err == nil:
		for _, f := range faults {
			h.log.Warn("health signer not used", "err", f.Error())
		}
		h.trust = t
	case errors.Is(err, fs.ErrNotExist):
		h.trust = credential.NewTrust()
	default:
		h.log.Error("health signers can't be read", "folder", h.dir, "err", err)
		if h.trust == nil {
			h.trust = credential.NewTrust()
		}
	}
	h.at = now
	return h.trust
}
