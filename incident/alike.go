package incident

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"yiwang/access"
	"yiwang/city"
	"yiwang/geo"
	"yiwang/internal/db"
)

// Alike asks for open matters that somebody on the telephone may mean. They know
// the place roughly, so it looks further than what reports join by themselves.
type Alike struct {
	Classes []city.ItemCode // likeliest first; the first three count
	Point   geo.Point       // where it is zero the middle of the community stands for it
	Region  city.RegionCode // community or street; needed where no point is given
}

const (
	mostAlike  = 8
	alikeReach = 6     // times the distance within which reports join
	aroundHere = 2500. // metres around the middle of a community
	alikeSince = 30 * 24 * time.Hour
)

// Alike lists open matters of the classes around the place, the nearest first,
// then those that have no point, the newest first. It is for officers.
func (s *Service) Alike(ctx context.Context, tx *db.Tx, actor city.Actor, q Alike) (list []Similar, err error) {
	if err := s.Access.Ask(ctx, actor, "incident.alike", access.Resource{Type: "Incident"}); err != nil {
		return nil, err
	}
	point, reach := q.Point, s.Settings.Metres*alikeReach
	if point.IsZero() {
		r, ok := s.Directory.Region(q.Region)
		if !ok || r.Level == city.LevelCity {
			return nil, nil
		}
		point, reach = geo.Point{Lat: r.Lat, Lon: r.Lon}, aroundHere
	}
	region := q.Region
	if at, err := s.Locate(city.Place{Lat: q.Point.Lat, Lon: q.Point.Lon, Region: q.Region}); err == nil && at.Street != "" {
		region = at.Street
	}
	now := s.now()
	for _, class := range q.Classes[:min(len(q.Classes), 3)] {
		if s.classes[class] == nil {
			continue
		}
		var rows, placeless []incidentRow
		if !point.IsZero() {
			if rows, err = openAround(ctx, tx, class, geo.Around(point, reach), now.Add(-alikeSince)); err != nil {
				return nil, err
			}
		}
		if region != "" {
			if placeless, err = openPlaceless(ctx, tx, class, region, 50); err != nil {
				return nil, err
			}
		}
		for _, r := range append(rows, placeless...) {
			m := Similar{Number: r.number, Class: r.class, Region: r.region, At: r.opened, Distance: -1}
			if !q.Point.IsZero() && !r.at.IsZero() {
				if m.Distance = geo.Distance(q.Point, r.at); m.Distance > reach {
					continue
				}
			} else if q.Point.IsZero() && !strings.HasPrefix(string(r.region), string(region)) {
				continue
			}
			list = append(list, m)
		}
	}
	slices.SortFunc(list, func(a, b Similar) int {
		far := func(m Similar) float64 {
			if m.Distance < 0 {
				return 1e9
			}
			return m.Distance
		}
		return cmp.Or(cmp.Compare(far(a), far(b)), b.At.Compare(a.At), cmp.Compare(a.Number, b.Number))
	})
	list = list[:min(len(list), mostAlike)]
	return list, s.stand(ctx, tx, actor, list)
}

// Matter is what a case of the streets is, beside the case itself.
type Matter struct {
	Class  city.ItemCode // "" while nobody knows
	Type   Type
	Point  geo.Point
	Region city.RegionCode
	Public bool
}

// Matter reads it for officers who may read the case.
func (s *Service) Matter(ctx context.Context, tx *db.Tx, actor city.Actor, n city.CaseNumber) (Matter, error) {
	if _, err := s.seen(ctx, tx, actor, n); err != nil {
		return Matter{}, err
	}
	in, err := incidentByNumber(ctx, tx, n)
	return Matter{Class: in.class, Type: in.typ, Point: in.at, Region: in.region, Public: in.public == 1}, missing(err)
}
