package serviceitem

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"yiwang/city"
	"yiwang/credential"
	"yiwang/form"
)

// sayAnswer writes an answer as text, the same for the same answer whether it was
// just given or read back.
func sayAnswer(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case []string:
		return strings.Join(v, "、")
	case []any:
		parts := make([]string, len(v))
		for i, p := range v {
			parts[i] = sayAnswer(p)
		}
		return strings.Join(parts, "、")
	case map[string]string:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		parts := make([]string, len(keys))
		for i, k := range keys {
			parts[i] = v[k]
		}
		return strings.Join(parts, " ")
	case map[string]any:
		flat := make(map[string]string, len(v))
		for k, p := range v {
			flat[k] = sayAnswer(p)
		}
		return sayAnswer(flat)
	}
	return fmt.Sprint(v)
}

// onLicence writes an answer as it stands on a licence, in the language of the
// law: choices with their labels, regions with their names, people by name.
func (s *Service) onLicence(f form.Field, v any) string {
	label := func(id string) string {
		for _, o := range f.Options {
			if o.ID == id {
				return o.Label.In(city.Chinese)
			}
		}
		return id
	}
	part := func(name string) string {
		switch m := v.(type) {
		case map[string]string:
			return m[name]
		case map[string]any:
			return sayAnswer(m[name])
		}
		return ""
	}
	switch f.Type {
	case form.Choice:
		return label(sayAnswer(v))
	case form.MultiChoice:
		var out []string
		for _, id := range strings.Split(sayAnswer(v), "、") {
			out = append(out, label(id))
		}
		return strings.Join(out, "、")
	case form.Region:
		return s.regionName(sayAnswer(v))
	case form.Person:
		return part("name")
	case form.Address:
		return s.regionName(part("region")) + part("detail")
	case form.File, form.Statement:
		return ""
	}
	return sayAnswer(v)
}

func (s *Service) regionName(code string) string {
	if name := s.Directory.RegionName(city.RegionCode(code)); !name.IsZero() {
		return name.In(city.Chinese)
	}
	return code
}

// fit gives the text as a licence's field wants it, or "" where it can't be: a
// licence is not held up by a field that stays empty.
func fit(f credential.FieldDef, text string) string {
	ok := true
	switch f.Type {
	case "date":
		_, err := city.ParseDate(text)
		ok = err == nil
	case "integer", "money":
		_, err := strconv.ParseInt(text, 10, 64)
		ok = err == nil
	case "decimal":
		_, err := strconv.ParseFloat(text, 64)
		ok = err == nil
	case "yesno":
		_, err := strconv.ParseBool(text)
		ok = err == nil
	}
	if !ok {
		return ""
	}
	return text
}
