package web

import (
	"slices"
	"strconv"
	"time"

	"yiwang/city"
	"yiwang/incident"
)

// Reported is what somebody reported, as an officer reads it.
type Reported struct {
	At      time.Time
	Channel city.Text
	Joined  bool // to a matter that was reported before
	Words   string
	Address string
	Map     string // opens the device's own map; "" where nobody gave a point
	Name    string
	Phone   string
	Answers []Row
	Photos  []string // addresses
	Level   int      // of the rating, 1 the best; 0 while nobody rated
}

// ReportedOf makes it of a report. Photo is the address of a picture.
func ReportedOf(class incident.Class, r incident.ReportSeen, photo func(city.BlobID) string) Reported {
	t := Reported{At: r.Noticed, Joined: r.Joined, Words: r.Text, Address: r.Address, Name: r.Reporter.Name, Phone: r.Reporter.Phone, Level: r.Level()}
	if name, ok := city.LookupText("web.reported.channel." + string(r.Channel)); ok {
		t.Channel = name
	}
	if !r.Point.IsZero() {
		at := strconv.FormatFloat(r.Point.Lat, 'f', 6, 64) + "," + strconv.FormatFloat(r.Point.Lon, 'f', 6, 64)
		t.Map = "geo:" + at + "?q=" + at
	}
	for _, f := range class.Fields {
		v := r.Answers[f.Code]
		if v == "" {
			continue
		}
		value := Plain(v)
		if i := slices.IndexFunc(f.Values, func(c incident.Choice) bool { return c.Key == v }); i >= 0 {
			value = f.Values[i].Name
		}
		t.Answers = append(t.Answers, Row{Name: f.Label, Value: value})
	}
	for _, id := range r.Photos {
		t.Photos = append(t.Photos, photo(id))
	}
	return t
}
