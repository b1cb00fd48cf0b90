package alert

import (
	"time"

	"yiwang/algorithm"
	"yiwang/city"
)

// Registered are the rules of detection for the algorithm register. They were tried
// on nothing: how often they are right follows from what inspectors find.
func (d *Detection) Registered() []algorithm.Described {
	var reads []algorithm.Reading
	for _, r := range d.Public.Reads {
		reads = append(reads, algorithm.Reading(r))
	}
	var out []algorithm.Described
	for _, x := range d.Detectors {
		e := algorithm.Described{Kind: algorithm.Notices, Description: algorithm.Description{ID: city.RuleID(x.ID), Name: x.Name, Purpose: x.About,
			Owner: x.Body(), Reads: reads, Effect: d.Public.Effect, Human: d.Public.Human, Appeal: d.Public.Appeal},
			Definition: map[string]any{"parameters": x.Parameters, "kinds": x.Kinds, "confirms": x.Confirms, "silence": x.Silence.String()}}
		for _, c := range x.Clauses {
			e.Legal = append(e.Legal, city.Text{ZhHans: c.Law.ZhHans + "：" + c.Says.ZhHans, En: c.Law.En + ": " + c.Says.En})
		}
		for _, p := range x.Parameters {
			v, _ := p.Type.number(p.Value)
			e.Parameters = append(e.Parameters, algorithm.Parameter{Name: p.ID, Value: v, Words: p.words()})
		}
		out = append(out, e)
	}
	return out
}

// words say a parameter with its unit.
func (p Parameter) words() city.Text {
	key, n := "alert.parameter."+string(p.Type), any(p.Value)
	if p.Type == Time {
		d, _ := time.ParseDuration(p.Value) // Check has read it
		const day = 24 * time.Hour
		switch {
		case d >= day && d%day == 0:
			key, n = "alert.parameter.days", int(d/day)
		case d >= time.Hour && d%time.Hour == 0:
			key, n = "alert.parameter.hours", int(d/time.Hour)
		case d%time.Minute == 0:
			key, n = "alert.parameter.minutes", int(d/time.Minute)
		default:
			key, n = "alert.parameter.seconds", d.Seconds()
		}
	}
	say := func(l city.Lang) string { return city.Say(l, key, "name", p.Name, "n", n) }
	return city.Text{ZhHans: say(city.Chinese), En: say(city.English)}
}
