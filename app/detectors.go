package app

import (
	"yiwang/alert"
	"yiwang/algorithm"
	"yiwang/city"
)

// registerDetectors puts the rules of detection into the algorithm register, each
// with what it looks for, on which ground, and what a person decides.
func (a *App) registerDetectors() error {
	def := a.Pack.Detection
	for _, d := range def.Detectors {
		if err := a.Algorithms.Add(described(def.Public, d)); err != nil {
			return err
		}
	}
	return nil
}

func described(p alert.Public, d alert.Detector) algorithm.Described {
	out := algorithm.Described{Kind: algorithm.Notices, Description: algorithm.Description{ID: city.RuleID(d.ID), Name: d.Name, Purpose: d.About, Owner: d.Body(),
		Effect: p.Effect, Human: p.Human, Appeal: p.Appeal}, Definition: map[string]any{"parameters": d.Parameters, "kinds": d.Kinds, "confirms": d.Confirms, "silence": d.Silence.String()}}
	for _, r := range p.Reads {
		out.Reads = append(out.Reads, algorithm.Reading{Label: r.Label, From: r.From})
	}
	for _, c := range d.Clauses {
		out.Legal = append(out.Legal, city.Text{ZhHans: c.Law.ZhHans + "：" + c.Says.ZhHans, En: c.Law.En + ": " + c.Says.En})
	}
	return out
}
