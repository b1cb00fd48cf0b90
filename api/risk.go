package api

import (
	"context"
	"time"

	"yiwang/city"
	"yiwang/fleet/risk"
	"yiwang/internal/db"
)

type riskBody struct {
	Community city.RegionCode `json:"community"`
	Name      city.Text       `json:"name"`
	Day       string          `json:"day"`
	Index     int             `json:"index" doc:"0 to 100."`
	Level     risk.Level      `json:"level" enum:"red,orange,yellow,blue,green"`
	Hazard    float64         `json:"hazard" doc:"0 to 1."`
	Exposure  float64         `json:"exposure" doc:"0 to 1."`
	Control   float64         `json:"control" doc:"0 to 1: how much is not under control."`
	Parts     []partBody      `json:"parts"`
	Computed  time.Time       `json:"computed"`
}

type partBody struct {
	Part   risk.Part      `json:"part"`
	Of     risk.Component `json:"of" enum:"hazard,exposure,control"`
	Amount *float64       `json:"amount,omitempty" doc:"In the unit of the part; absent where nothing is known."`
	Score  float64        `json:"score" doc:"0 to 1."`
	Weight float64        `json:"weight" doc:"In its component."`
}

type riskQuery struct {
	Day string `query:"day" maxLength:"10" doc:"2026-03-09; today where it is left out."`
}

// listRisks lists how dangerous communities are on a day, the highest first.
func (a *API) listRisks(ctx context.Context, actor city.Actor, in *riskQuery) (*list[riskBody], error) {
	if a.Risks == nil {
		return nil, city.NotFound("risk.none")
	}
	day := a.Risks.Today()
	if in.Day != "" {
		var err error
		if day, err = city.ParseDate(in.Day); err != nil {
			return nil, city.Invalid("directory.date", "date", in.Day)
		}
	}
	var found []risk.Risk
	var at time.Time
	err := a.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		found, at, err = a.Risks.On(ctx, tx, actor, day)
		return err
	})
	if err != nil {
		return nil, err
	}
	out := make([]riskBody, len(found))
	for i, x := range found {
		b := riskBody{Community: x.Region, Name: a.Directory.RegionName(x.Region), Day: x.Day.String(), Index: x.Index, Level: x.Level,
			Hazard: x.Hazard, Exposure: x.Exposure, Control: x.Control, Computed: a.zone(at)}
		for _, v := range x.Parts {
			p := partBody{Part: v.Part, Of: v.Of, Score: v.Score, Weight: v.Weight}
			if v.Known {
				p.Amount = &v.Amount
			}
			b.Parts = append(b.Parts, p)
		}
		out[i] = b
	}
	return listOf(out, ""), nil
}
