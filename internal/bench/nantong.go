package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"yiwang/cities"
	"yiwang/demo/nantong"
	"yiwang/fleet/detect"
	"yiwang/fleet/register"
	"yiwang/pack"
)

// Row is what became of one rule: Planted are hidden matters, Found those of them
// that were noticed, Missed the others; False are alerts that are none of them, or
// one of them once more.
type Row struct {
	Rule    string `json:"rule"`
	Planted int    `json:"planted"`
	Found   int    `json:"found"`
	Missed  int    `json:"missed"`
	False   int    `json:"false"`
}

// Confirmed is what was found of one kind of confirmed cases.
type Confirmed struct {
	Kind    string `json:"kind"`
	Planted int    `json:"planted"`
	Found   int    `json:"found"`
}

// City is what became of one made-up city.
type City struct {
	Seed      uint64      `json:"seed"`
	Vehicles  int         `json:"vehicles"`
	Days      int         `json:"days"`
	Readings  int         `json:"readings"`
	Seconds   float64     `json:"seconds"`
	Rows      []Row       `json:"rules"`
	Confirmed []Confirmed `json:"confirmed"`
	Faults    []string    `json:"faults"` // what was missed and what is false, in words
}

// Nantong hides what Nantong found among the traffic of made-up cities and tells
// what the detectors notice, who see readings and registers only.
func Nantong(ctx context.Context, o Options) error {
	if o.Seeds == 0 {
		o.Seeds = 5
	}
	var all []City
	for seed := range o.Seeds {
		c, err := watchCity(ctx, nantong.New(uint64(seed+1), nantong.Full, nantong.Nantong), uint64(seed+1))
		if err != nil {
			return err
		}
		all = append(all, c)
		if o.JSON {
			continue
		}
		fmt.Fprintf(o.Out, "seed %d: %d vehicles, %d days, %d readings, %.1f s\n", c.Seed, c.Vehicles, c.Days, c.Readings, c.Seconds)
		fmt.Fprintf(o.Out, "  %-22s %8s %8s %8s %8s\n", "rule", "planted", "found", "missed", "false")
		for _, r := range c.Rows {
			fmt.Fprintf(o.Out, "  %-22s %8d %8d %8d %8d\n", r.Rule, r.Planted, r.Found, r.Missed, r.False)
		}
		for _, k := range c.Confirmed {
			fmt.Fprintf(o.Out, "  confirmed: %-18s %d of %d\n", k.Kind, k.Found, k.Planted)
		}
		for _, f := range c.Faults {
			fmt.Fprintln(o.Out, "  "+f)
		}
	}
	if o.JSON {
		return json.NewEncoder(o.Out).Encode(map[string]any{"bench": "nantong", "cities": all})
	}
	return nil
}

// watchCity lets the detectors look at all of a city's days, and compares.
func watchCity(ctx context.Context, town *nantong.Town, seed uint64) (City, error) {
	began := time.Now()
	c := City{Seed: seed, Vehicles: town.Vehicles(), Days: len(town.Days()), Faults: []string{}}
	jianghai, faults := pack.LoadFS(cities.Jianghai())
	if len(faults) > 0 {
		return c, fmt.Errorf("the city's pack: %v", faults[0])
	}
	found := map[string]detect.Finding{} // the first of each matter
	var err error
	c.Readings, err = town.Watch(ctx, jianghai.Detection.Number, func(_ *register.Book, fresh []detect.Finding) {
		for _, f := range fresh {
			key := f.Rule + " " + f.Key
			if old, ok := found[key]; ok {
				f.From, f.At = old.From, old.At
			}
			found[key] = f
		}
	})
	if err != nil {
		return c, err
	}
	c.compare(town.Planted, found)
	c.Seconds = time.Since(began).Seconds()
	return c, nil
}

// compare tells what was found of what was hidden.
func (c *City) compare(planted []nantong.Planted, found map[string]detect.Finding) {
	rows := map[string]*Row{}
	for _, id := range detect.IDs() {
		rows[id] = &Row{Rule: id}
	}
	of := map[string][]int{} // hidden matters of a rule
	for i, p := range planted {
		rows[p.Rule].Planted++
		of[p.Rule] = append(of[p.Rule], i)
	}
	hit := make([]bool, len(planted))
	keys := make([]string, 0, len(found))
	for k := range found {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		f := found[k]
		i := slices.IndexFunc(of[f.Rule], func(i int) bool { return !hit[i] && planted[i].Meant(f) })
		if i < 0 {
			rows[f.Rule].False++
			c.Faults = append(c.Faults, fmt.Sprintf("false: %s %s %s from %s", f.Rule, f.Kind, f.Subject, said(f.From)))
			continue
		}
		hit[of[f.Rule][i]] = true
	}
	kinds := map[string]*Confirmed{}
	for _, k := range []string{nantong.IllegalProduction, nantong.Restart, nantong.IllegalStorage, nantong.MobileRefuelling, nantong.WasteElsewhere} {
		kinds[k] = &Confirmed{Kind: k}
	}
	for i, p := range planted {
		r := rows[p.Rule]
		if hit[i] {
			r.Found++
		} else {
			r.Missed++
			c.Faults = append(c.Faults, fmt.Sprintf("missed: %s %s %s%s from %s", p.Rule, p.Kind, p.Subject, map[bool]string{true: p.At.String()}[p.Subject == ""], said(p.From)))
		}
		if k := kinds[p.Case]; k != nil {
			k.Planted++
			if hit[i] {
				k.Found++
			}
		}
	}
	for _, id := range detect.IDs() {
		c.Rows = append(c.Rows, *rows[id])
	}
	for _, k := range []string{nantong.IllegalProduction, nantong.Restart, nantong.IllegalStorage, nantong.MobileRefuelling, nantong.WasteElsewhere} {
		c.Confirmed = append(c.Confirmed, *kinds[k])
	}
}

func said(us int64) string { return time.UnixMicro(us).In(nantong.Zone).Format("2006-01-02 15:04") }
