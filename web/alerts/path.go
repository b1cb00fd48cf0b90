package alerts

import (
	"errors"
	"net/url"
	"strconv"

	"yiwang/city"
)

// path adds what isn't empty to an address.
func path(at string, pairs ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	if len(q) == 0 {
		return at
	}
	return at + "?" + q.Encode()
}

// OnePath is where an alert is opened.
func OnePath(id city.AlertID) string { return Path + "/" + id.String() }

// AboutPath is where the alerts about something are listed.
func AboutPath(subject string) string { return path(Path, "subject", subject) }

// faultsOf are what is wrong with a form, by its fields; nil where the error says
// something else.
func faultsOf(err error) []city.Field {
	var e *city.Error
	if !errors.As(err, &e) || e.Kind != city.KindInvalid {
		return nil
	}
	if len(e.Fields) == 0 {
		return []city.Field{{Message: e.Message}}
	}
	return e.Fields
}

func silenceID(s string) (id city.SilenceID, err error) {
	err = id.UnmarshalJSON([]byte(strconv.Quote(s)))
	return id, err
}
