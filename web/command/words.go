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

// shownOf are so many alerts as stand in words beside the map of a theme.
func shownOf(t Theme) int {
	if t == Hazmat {
		return 2 * shownAlerts
	}
	return shownAlerts
}

// lookKey is the verb on the card of an alert.
func lookKey(n Noticed) string {
	if n.Vehicle != "" && !n.Papers {
		return "command.alert.stop"
	}
	return "command.alert.why"
}

// doing says what a vehicle does: "行驶中，62 km/h，往东".
func doing(ctx context.Context, t Truck) string {
	if t.Motion != Moving {
		return web.T(ctx, "command.motion."+string(t.Motion))
	}
	said := web.T(ctx, "command.driving", "n", t.Speed)
	if !t.Heading.IsZero() {
		said = web.T(ctx, "command.driving.way", "said", said, "way", t.Heading)
	}
	return said
}

func shapeKey(s Shape) string {
	return [...]string{"command.shape.hazmat", "command.shape.coach", "command.shape.other"}[s]
}

func tenth(f float64) string { return strconv.FormatFloat(f, 'f', 1, 64) }

func precisionOf(r RuleRecord) string {
	if s, ok := r.Precision(); ok {
		return s
	}
	return "–"
}

// comersOf are those who could come; of what is about no vehicle, those who could be
// given the matter.
func comersOf(s Sight) (list []Comer) {
	if s.Ahead != nil && s.Ahead.None.Key == "" {
		return s.Ahead.Comers
	}
	if s.Matter != nil && s.Matter.Send {
		for _, c := range s.Matter.Near {
			list = append(list, Comer{Candidate: c, Words: c.Why, Send: true})
		}
	}
	return list
}
