package command

import (
	"context"
	"strconv"
	"strings"
	"time"

	"yiwang/geo"
	"yiwang/web"
)

// thousands writes a number in groups of three, as both languages do.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// percent writes a share with one digit.
func percent(n, of int64) string {
	return strconv.FormatFloat(100*float64(n)/float64(of), 'f', 1, 64) + "%"
}

// signed writes a change in whole percent, with its sign.
func signed(share float64) string {
	s := strconv.FormatFloat(share, 'f', 0, 64)
	if s == "-0" {
		s = "0"
	}
	if !strings.HasPrefix(s, "-") {
		s = "+" + s
	}
	return strings.Replace(s, "-", "−", 1) + "%"
}

// shownRows are so many rows as a table of the page has.
const shownRows = 200

// whereabouts says at which road somebody is.
func whereabouts(ctx context.Context, p geo.Point) string {
	if p.IsZero() {
		return web.T(ctx, "command.nowhere")
	}
	if s := web.NearRoad(ctx, p); s != "" {
		return s
	}
	return p.String()
}

func measured(v Value) string {
	return strings.TrimSpace(strconv.FormatFloat(v.N, 'f', -1, 64) + " " + v.Unit)
}

// doKey is the verb on a card.
func doKey(c Card) string {
	if c.Send {
		return "command.who"
	}
	return "command.look"
}

// clock is the day and the time of the wall.
func clock(ctx context.Context, t time.Time) string {
	t = t.In(web.ViewOf(ctx).City.Zone)
	return web.T(ctx, "command.clock", "day", t, "time", t.Format("15:04"))
}

// listed are the sensors that a theme tells of in words.
func listed(t Theme, s Picture) []Sensor {
	if t == Environment {
		return s.Sensors
	}
	return loud(s.Sensors)
}
