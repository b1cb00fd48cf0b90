package app

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"k8s.io/klog/v2"

	"yiwang/tlog"
)

// Names within the data folder.
const (
	logFolder   = "log"              // tiles, readable by anybody
	logKey      = "keys/log.key"     // signs checkpoints
	witnessKey  = "keys/witness.key" // signs what others' logs published
	logPolicy   = "witnesses.policy" // who watches the log (Sigsum's policy format)
	watchedLogs = "watched-logs"     // the keys of logs that this city watches, one a line
)

// vouched is what the public log vouches for: what was filed and decided, licences,
// who used whose data, what residents allowed, the wording of rules and items, and
// the figures of a month, and whose licences are believed.
var vouched = []tlog.Told{
	{Type: "case.opened", Data: []string{"kind", "item", "body"}},
	{Type: "case.*", With: "result", Data: []string{"kind", "item", "body", "action", "result"}},
	{Type: "credential.*"},
	{Type: "data.used", Data: []string{"purpose", "case", "fields", "post", "body"}},
	{Type: "consent.given", Data: []string{"item", "material", "type", "case"}},
	{Type: "algorithm.published"},
	{Type: "item.published"},
	{Type: "scorecard.published"},
	{Type: "trust.*"},
	{Type: "pass.erased", Data: []string{"purpose", "states"}},
}

// quiet sends what tessera says the way of all that is logged. Its logger is one for
// the process.
var quiet = sync.OnceFunc(func() { klog.SetSlogLogger(slog.Default().With("part", "tessera")) })

// publicLog makes the log and the city's part as a witness of others.
func (a *App) publicLog() (err error) {
	quiet()
	name := strings.TrimPrefix(strings.TrimPrefix(a.Origin, "https://"), "http://")
	// A new key beside an old log would be another log under its name.
	_, old := os.Stat(filepath.Join(a.Data, logFolder, "checkpoint"))
	key, err := tlog.LoadKey(filepath.Join(a.Data, logKey), name+"/log", old != nil)
	if err != nil {
		return err
	}
	policy, err := optional(filepath.Join(a.Data, logPolicy))
	if err != nil {
		return err
	}
	if a.PublicLog, err = tlog.New(tlog.Options{DB: a.DB, Journal: a.Journal, Clock: a.Clock, Dir: filepath.Join(a.Data, logFolder), Key: key,
		Told: vouched, Policy: policy, Log: a.Log}); err != nil {
		return err
	}
	a.Journal.Follow(a.PublicLog)
	watched, err := optional(filepath.Join(a.Data, watchedLogs))
	if err != nil || watched == nil && !a.Demo { // a demonstration may meet a neighbour later
		return err
	}
	var logs []string
	for line := range strings.Lines(string(watched)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			logs = append(logs, line)
		}
	}
	if key, err = tlog.LoadKey(filepath.Join(a.Data, witnessKey), name+"/witness", true); err != nil {
		return err
	}
	if a.Witness, err = tlog.NewWitness(a.DB, a.Clock, key, logs); err != nil {
		return fmt.Errorf("%s: %w", watchedLogs, err)
	}
	if len(logs) == 0 {
		return nil
	}
	a.Log.Info("watches logs of others", "logs", len(logs), "witness", a.Witness.Public())
	return nil
}

// optional reads a file that needn't be there; nil where it isn't.
func optional(path string) ([]byte, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return raw, err
}
