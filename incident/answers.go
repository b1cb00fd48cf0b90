package incident

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"yiwang/city"
)

// answered checks what was answered to the questions of a class, and leaves out
// what is empty. A class that has none takes no answers.
func (s *Service) answered(code city.ItemCode, answers map[string]string) (map[string]string, error) {
	var fields []Field
	if c := s.classes[code]; c != nil {
		fields = c.Fields
	}
	var faults []city.Field
	bad := func(name, key string, args ...any) {
		faults = append(faults, city.Field{Name: "answers." + name, Message: city.Message{Key: key, Args: args}})
	}
	given := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(answers)) {
		v := clean(answers[name])
		i := slices.IndexFunc(fields, func(f Field) bool { return f.Code == name })
		switch {
		case v == "":
		case i < 0:
			bad(name[:min(len(name), 40)], "incident.answer.unknown")
		case utf8.RuneCountInString(v) > longestText:
			bad(name, "case.too_long", "max", longestText)
		case !fields[i].fits(v):
			bad(name, "incident.answer."+fields[i].Datatype)
		default:
			given[name] = v
		}
	}
	for _, f := range fields {
		if f.Required && given[f.Code] == "" && answers != nil {
			bad(f.Code, "incident.answer.needed")
		}
	}
	if len(faults) > 0 {
		return nil, city.InvalidFields(faults)
	}
	return given, nil
}

// fits reports whether a value is of the field's kind.
func (f Field) fits(v string) bool {
	choice := func(v string) bool { return slices.ContainsFunc(f.Values, func(c Choice) bool { return c.Key == v }) }
	switch f.Datatype {
	case "number":
		_, err := strconv.ParseFloat(v, 64)
		return err == nil && utf8.RuneCountInString(v) <= 40
	case "datetime":
		_, err := time.Parse(time.RFC3339, v)
		return err == nil
	case "singlevaluelist":
		return choice(v)
	case "multivaluelist":
		return !slices.ContainsFunc(strings.Split(v, ","), func(v string) bool { return !choice(v) })
	}
	return true
}
