package alert_test

import (
	"testing"

	"yiwang/alert"
	"yiwang/algorithm"
)

// Each rule of detection stands in the register as its file has it, with numbers in
// words that people use.
func TestDetectorsAreRegistered(t *testing.T) {
	parameter := func(id string, typ alert.ParamType, v string) alert.Parameter {
		return alert.Parameter{ID: id, Name: both("P"), Type: typ, Value: v}
	}
	d := alert.Detection{Public: alert.Public{Reads: []alert.Read{{Label: both("Positions"), From: both("The vehicle")}}, Effect: both("A task"), Human: both("Somebody looks"), Appeal: both("Call")},
		Detectors: []alert.Detector{{ID: "night", Name: both("Night"), About: both("Driving at night"), Post: "transport.inspector",
			Clauses: []alert.Clause{{Law: both("art. 1"), Says: both("No driving at night.")}},
			Parameters: []alert.Parameter{parameter("distance", alert.Metres, "100"), parameter("within", alert.Time, "720h"), parameter("rest", alert.Time, "4h"),
				parameter("stay", alert.Time, "90m"), parameter("blink", alert.Time, "1.5s"), parameter("days", alert.Count, "3"), parameter("fast", alert.Speed, "80"),
				parameter("part", alert.Share, "0.5"), parameter("from", alert.Hour, "22:30")}}}}
	got := d.Registered()
	if len(got) != 1 {
		t.Fatalf("%+v", got)
	}
	e := got[0]
	if f := e.Check(); len(f) > 0 || e.Kind != algorithm.Notices || e.ID != "night" || e.Owner != "transport" || e.Legal[0].En != "art. 1: No driving at night." || e.Purpose != both("Driving at night") {
		t.Errorf("%+v, %v", e, f)
	}
	for i, want := range []string{"P: 100 m", "P: 30 days", "P: 4 hours", "P: 90 minutes", "P: 1.5 s", "P: 3", "P: 80 km/h", "P: 0.5", "P: 22:30"} {
		if p := e.Parameters[i]; p.Words.En != want {
			t.Errorf("%s: %q, want %q", p.Name, p.Words.En, want)
		}
	}
	if v := e.Parameters[1].Value; v != 720*3600 {
		t.Errorf("within %v seconds", v)
	}
}
