package incident

import (
	"context"
	"slices"
	"time"

	"yiwang/access"
	"yiwang/city"
	"yiwang/geo"
	"yiwang/internal/db"
)

// Spot is an open matter as a map shows it: what and where, nothing of who.
type Spot struct {
	Number  city.CaseNumber
	Class   city.ItemCode
	At      geo.Point
	Region  city.RegionCode
	Opened  time.Time
	Reports int // how many people told of it
}

// MostSpots are so many open matters as a map is given.
const MostSpots = 5000

// Spots are the open matters that have a point, the newest first. more is true where
// there are others.
func (s *Service) Spots(ctx context.Context, tx *db.Tx, actor city.Actor) (list []Spot, more bool, err error) {
	if err := s.Access.Ask(ctx, actor, "incident.overview", access.Resource{Type: "Incident"}); err != nil {
		return nil, false, err
	}
	rows, err := openAnywhere(ctx, tx, MostSpots+1)
	if err != nil {
		return nil, false, err
	}
	if len(rows) > MostSpots {
		rows, more = rows[:MostSpots], true
	}
	for _, r := range rows {
		list = append(list, Spot{Number: r.number, Class: r.class, At: r.at, Region: r.region, Opened: r.opened, Reports: r.reports})
	}
	slices.SortFunc(list, func(a, b Spot) int { return b.Opened.Compare(a.Opened) })
	return list, more, nil
}

// Hours counts the matters opened in each of the last n full or running hours, the
// earliest first; the last is the hour that runs.
func (s *Service) Hours(ctx context.Context, tx *db.Tx, actor city.Actor, n int) ([]int, error) {
	if err := s.Access.Ask(ctx, actor, "incident.overview", access.Resource{Type: "Incident"}); err != nil {
		return nil, err
	}
	first := s.now().Truncate(time.Hour).Add(-time.Duration(n-1) * time.Hour)
	return openedByHour(ctx, tx, first, n)
}
