package scorecard

import (
	"context"
	"sort"
	"time"

	"yiwang/city"
	"yiwang/internal/db"
)

// Report is what the incidents of one month came to: all that its page, its
// printed form and its table show, read once so that they can't disagree.
type Report struct {
	Month    Month
	Body     city.BodyID // whose report it is; "" is the whole city's
	Total    Line
	Before   Line // the month before
	LastYear Line // the same month a year before
	Groups   []Group
	// Late are the open cases past a limit, the oldest first, those that nobody took
	// and those that wait to be verified among them; at most MostLate.
	Late     []Matter
	LateMore bool // there are more
	// Published is zero while the figures may still change.
	Published time.Time
	By        city.PostID // who published it, by the post they did it in
}

// Group is the lines of one dimension, by key.
type Group struct {
	By    By
	Lines []Line
}

// MostLate bounds the list of what is late in a report.
const MostLate = largestPage

// groups are the dimensions of a report, in order.
var groups = []By{ByBody, ByStreet, ByItem}

// Report draws up a month, for those who may read the figures of the body, or of
// the whole city. Where the month was published the city's figures are those that
// were published, whatever has happened since; the list of what is late is as of
// now.
func (s *Scorecard) Report(ctx context.Context, tx *db.Tx, actor city.Actor, month Month, body city.BodyID) (Report, error) {
	q := Query{Sort: Incidents, From: month, Until: month, Body: body}
	for _, action := range []string{"scorecard.read", "scorecard.cases"} {
		if err := s.ask(ctx, actor, action, q); err != nil {
			return Report{}, err
		}
	}
	r, err := s.report(ctx, tx, month, body)
	if err != nil {
		return r, err
	}
	if body == "" {
		frozen, err := published(ctx, tx, month)
		if err != nil {
			return r, err
		}
		if frozen != nil {
			r = *frozen
		}
	}
	for _, m := range []Mark{Overdue, CheckOverdue} {
		rows, _, err := s.Cases(ctx, tx, actor, q, m, Opened, "", MostLate)
		if err != nil {
			return r, err
		}
		r.LateMore = r.LateMore || len(rows) == MostLate
		r.Late = append(r.Late, rows...)
	}
	sort.SliceStable(r.Late, func(i, j int) bool { return r.Late[i].Opened.Before(r.Late[j].Opened) })
	if len(r.Late) > MostLate {
		r.Late, r.LateMore = r.Late[:MostLate], true
	}
	return r, nil
}

// report draws up a month as it is counted now, without what is late.
func (s *Scorecard) report(ctx context.Context, tx *db.Tx, month Month, body city.BodyID) (Report, error) {
	r := Report{Month: month, Body: body}
	sys := city.SystemActor("scorecard")
	for _, by := range groups {
		lines, err := s.Figures(ctx, tx, sys, Query{Sort: Incidents, From: month, Until: month, Body: body}, by)
		if err != nil {
			return r, err
		}
		r.Groups = append(r.Groups, Group{by, lines})
	}
	for _, t := range []struct {
		line *Line
		back Month
	}{{&r.Total, 0}, {&r.Before, 1}, {&r.LastYear, 12}} {
		var err error
		if *t.line, err = s.Total(ctx, tx, sys, Query{Sort: Incidents, From: month - t.back, Until: month - t.back, Body: body}); err != nil {
			return r, err
		}
	}
	return r, nil
}
