package demo

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strconv"
	"strings"

	"yiwang/city"
	"yiwang/form"
	"yiwang/serviceitem"
)

// writer makes up what somebody writes into a form. Each application has chance
// of its own, so that one more answer here changes no other.
type writer struct {
	*rand.Rand
	d    *Demo
	who  *resident
	firm *firm // nil: for themselves
	all  []resident
	day  city.Date
	vars map[string]any
	name *names
}

// value makes one value of a list.
func (w *writer) value(list []any) (any, error) {
	if len(list) == 0 {
		return nil, nil
	}
	v := list[w.IntN(len(list))]
	s, ok := v.(string)
	if !ok || s == "" {
		return v, nil
	}
	switch s[0] {
	case '$':
		v, ok := w.vars[s[1:]]
		if !ok {
			return nil, fmt.Errorf("demo: no variable %s", s)
		}
		return v, nil
	case '@':
		return w.made(strings.Fields(s[1:]))
	}
	return v, nil
}

// made makes what a word stands for.
func (w *writer) made(f []string) (any, error) {
	number := func(i int) int {
		n, err := strconv.Atoi(f[i])
		if err != nil {
			panic(err) // the lists travel in the program, and a test reads each
		}
		return n
	}
	between := func() int { return number(1) + w.IntN(number(2)-number(1)+1) }
	p := w.d.words.People
	switch f[0] {
	case "phone":
		return w.who.Phone, nil
	case "name":
		return w.who.Name, nil
	case "number":
		return w.who.CitizenNumber, nil
	case "home":
		return string(w.who.home.code), nil
	case "address":
		return w.who.Address, nil
	case "away":
		if w.who.away != "" {
			return w.who.away, nil
		}
		return pick(w.Rand, p.Elsewhere), nil
	case "firm.region":
		return string(w.firm.Region), nil
	case "firm.address":
		return w.firm.Address, nil
	case "legal":
		return w.firm.Legal, nil
	case "int":
		return between(), nil
	case "day":
		return w.day.AddDays(between()).String(), nil
	case "digits":
		var b strings.Builder
		b.WriteString(f[2])
		for b.Len() < number(1) {
			b.WriteByte(byte('0' + w.IntN(10)))
		}
		return b.String(), nil
	case "list":
		all := strings.Split(f[1], ",")
		w.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		some := all[:1+w.IntN(min(3, len(all)))]
		return slices.Clone(some), nil
	case "stranger":
		born := w.name.born(w.day, 28+w.IntN(25))
		return w.name.surname() + w.name.given(born, w.IntN(2) == 0), nil
	case "child":
		return w.who.surname() + w.name.given(w.day, w.IntN(2) == 0), nil
	case "person":
		for {
			q := &w.all[w.IntN(len(w.all))]
			if q.female != w.who.female && q.spouse < 0 && q.age >= 22 && q.age < 40 {
				return map[string]any{"name": q.Name, "citizen_number": q.CitizenNumber}, nil
			}
		}
	case "company":
		g := w.d.words.Firms
		return fmt.Sprintf(p.FirmName, w.who.surname()+pick(w.Rand, g.Words)+pick(w.Rand, g.Groups["others"].Trades)), nil
	case "employer":
		g := w.d.words.Firms
		return fmt.Sprintf(p.FirmName, pick(w.Rand, g.Words)+pick(w.Rand, g.Groups["others"].Trades)), nil
	case "bank":
		return pick(w.Rand, p.Banks), nil
	case "hospital":
		return pick(w.Rand, p.Hospitals), nil
	case "school":
		return pick(w.Rand, p.Schools), nil
	case "deed":
		return fmt.Sprintf(p.Deed, w.day.Year-1-w.IntN(12), 10000+w.IntN(80000)), nil
	case "photo":
		return fmt.Sprintf("JH-P-%07d", w.IntN(10_000_000)), nil
	case "record":
		return fmt.Sprintf("FM-%06d", w.IntN(1_000_000)), nil
	case "plates":
		var plates []string
		for range 5 {
			plates = append(plates, fmt.Sprintf(p.Plate, w.IntN(100_000)))
		}
		return strings.Join(plates, " "), nil
	case "file":
		return file(f[1]), nil
	}
	return nil, fmt.Errorf("demo: nothing makes @%s", f[0])
}

// file is a file of the pack that stands in an answer until it is uploaded.
type file string

// surname of somebody: the first character, or two.
func (r *resident) surname() string {
	s := []rune(r.Name)
	if len(s) > 3 {
		return string(s[:2])
	}
	return string(s[:1])
}

// text is a value as licences write it.
func text(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// draw makes the variables, then every value of a map of lists, in an order that
// is always the same.
func (w *writer) draw(from map[string][]any) (map[string]any, error) {
	out := map[string]any{}
	for _, id := range slices.Sorted(maps.Keys(from)) {
		v, err := w.value(from[id])
		if err != nil {
			return nil, err
		}
		if v != nil {
			out[id] = v
		}
	}
	return out, nil
}

// application is an answered form: files are still those of the pack.
func (w *writer) application(it serviceitem.Item, f *form.Compiled, p *itemPlan) (serviceitem.Filing, map[string]file, error) {
	answers, err := w.draw(p.Answers)
	if err != nil {
		return serviceitem.Filing{}, nil, err
	}
	files := map[string]file{}
	for id, v := range answers {
		if x, ok := v.(file); ok {
			files[id] = x
			delete(answers, id)
		}
	}
	fm := f.On(w.day)
	asked := map[string]bool{}
	for _, st := range fm.Visible(fm.Clean(answers, nil)) {
		for _, fd := range st.Fields {
			asked[fd.ID] = true
		}
	}
	maps.DeleteFunc(files, func(id string, _ file) bool { return !asked[id] })
	handed := map[string]serviceitem.Handed{}
	for _, m := range it.Materials {
		if m.Credential != "" {
			handed[m.ID] = serviceitem.Handed{Fetch: true}
		}
	}
	return serviceitem.Filing{Item: it.Code, Answers: answers, Materials: handed}, files, nil
}

// upload stores the files of an application and puts them into its answers.
func (d *Demo) upload(ctx context.Context, parts Parts, actor city.Actor, of serviceitem.Party, it serviceitem.Item, f *form.Compiled, filing *serviceitem.Filing, files map[string]file) error {
	for _, id := range slices.Sorted(maps.Keys(files)) {
		fd, ok := f.Field(id)
		if !ok {
			return fmt.Errorf("demo: %s has no field %s", it.Code, id)
		}
		raw, err := fs.ReadFile(d.now.Pack.Files, string(files[id]))
		if err != nil {
			return err
		}
		u, err := parts.Items.Upload(ctx, actor, serviceitem.Upload{Item: it.Code, For: of, Material: fd.Material,
			Name: path.Base(string(files[id])), Size: int64(len(raw)), Content: bytes.NewReader(raw)})
		if err != nil {
			return err
		}
		filing.Answers[id] = []string{u.ID.String()}
	}
	return nil
}
