package app

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"yiwang/fleet/gateway"
)

// metrics are for the operator's monitoring: the process, and how far the
// followers have come, what vehicle terminals send, and how the public log stands.
func (a *App) metrics() http.Handler {
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), &followers{a}, &terminals{a}, &publicLogMetrics{a})
	return promhttp.HandlerFor(reg, promhttp.HandlerOpts{})
}

type followers struct{ a *App }

var followerFailures = prometheus.NewDesc("yiwang_follower_failures", "Tries in a row that a follower of the journal has failed.", []string{"follower"}, nil)

func (f *followers) Describe(c chan<- *prometheus.Desc) { c <- followerFailures }

func (f *followers) Collect(c chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	states, err := f.a.Journal.Followers(ctx)
	if err != nil {
		return // the database's absence shows at /readyz
	}
	for _, s := range states {
		c <- prometheus.MustNewConstMetric(followerFailures, prometheus.GaugeValue, float64(s.Failures), s.Name)
	}
}

// terminals counts what vehicle terminals send, and what is wrong with it.
type terminals struct{ a *App }

func described(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("yiwang_"+name, help, labels, nil)
}

var (
	terminalConnections = described("terminal_connections", "Connections of vehicle terminals that are open.")
	terminalsKnown      = described("terminals", "Vehicle terminals that have authenticated and are connected.")
	terminalFrames      = described("terminal_frames_total", "Frames of vehicle terminals that could be read.")
	terminalPositions   = described("terminal_positions_total", "Positions of vehicle terminals that were recorded.")
	terminalRefused     = described("terminal_frames_refused_total", "Bytes of vehicle terminals that are no frame, or none that can be read.", "reason")
	terminalTroubles    = described("terminal_troubles_total", "What else vehicle terminals do wrong.", "trouble")
	terminalUnknown     = described("terminal_messages_unknown_total", "Messages of vehicle terminals that nothing is done with.", "message")
	vehiclePositions    = described("vehicle_positions_total", "Positions of vehicles by any door, by whether they could be believed and why not.", "verdict")
	vehiclesStrange     = described("vehicle_positions_strange_total", "Positions of vehicles that nobody registered.")
	vehicleFindings     = described("vehicle_findings_total", "What the rules noticed of vehicles.")
	vehicleLate         = described("vehicle_positions_late_total", "Positions of vehicles that came after later ones.")
	tracksAnew          = described("vehicle_tracks_read_anew_total", "Tracks of vehicles that were read anew, since positions came late.")
	tracksPutOff        = described("vehicle_tracks_put_off_total", "Times that a track was to be read anew and had to wait, since that vehicle's had been so often.")
	tracksAside         = described("vehicle_track_files_damaged", "Damaged files of tracks that were set aside and are still there.")
	tracksFailed        = described("vehicle_positions_failed_total", "Positions that could not be kept; their senders were told.")
)

func (t *terminals) Describe(c chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{terminalConnections, terminalsKnown, terminalFrames, terminalPositions, terminalRefused, terminalTroubles, terminalUnknown,
		vehiclePositions, vehiclesStrange, vehicleFindings, vehicleLate, tracksAnew, tracksPutOff, tracksFailed, tracksAside} {
		c <- d
	}
}

func (t *terminals) Collect(c chan<- prometheus.Metric) {
	put := func(d *prometheus.Desc, kind prometheus.ValueType, n int64, labels ...string) {
		c <- prometheus.MustNewConstMetric(d, kind, float64(n), labels...)
	}
	if g := t.a.terminals; g != nil {
		n := g.Counts()
		put(terminalConnections, prometheus.GaugeValue, int64(n.Connections))
		put(terminalsKnown, prometheus.GaugeValue, int64(n.Terminals))
		put(terminalFrames, prometheus.CounterValue, n.Frames)
		put(terminalPositions, prometheus.CounterValue, n.Positions)
		for why, k := range n.Refused {
			put(terminalRefused, prometheus.CounterValue, k, string(why))
		}
		for _, x := range gateway.Troubles() {
			put(terminalTroubles, prometheus.CounterValue, n.Troubles[x], string(x))
		}
		for id, k := range n.Unknown {
			put(terminalUnknown, prometheus.CounterValue, k, id.String())
		}
		put(terminalUnknown, prometheus.CounterValue, n.Others, "others")
	}
	if m := t.a.Vehicles; m != nil {
		n := m.Counts()
		for why, k := range n.Verdicts {
			put(vehiclePositions, prometheus.CounterValue, k, why)
		}
		put(vehiclesStrange, prometheus.CounterValue, n.Strange)
		put(vehicleFindings, prometheus.CounterValue, n.Found)
		put(vehicleLate, prometheus.CounterValue, n.Late)
		put(tracksAnew, prometheus.CounterValue, n.Anew)
		put(tracksPutOff, prometheus.CounterValue, n.PutOff)
		kept := t.a.Tracks.Counts()
		put(tracksFailed, prometheus.CounterValue, kept.Failed)
		put(tracksAside, prometheus.GaugeValue, int64(kept.Aside))
	}
}
