package desk

import (
	"context"
	"reflect"
	"time"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/form"
	"yiwang/rule"
	"yiwang/serviceitem"
	"yiwang/web"
)

// Part is one step of the form, as it was filled in.
type Part struct {
	Title   city.Text
	Answers []Answer
}

// Answer is one line of the application.
type Answer struct {
	Name    city.Text
	Value   string // "" when it was not answered
	Source  city.Text
	At      time.Time // when the source was read
	Before  string    // what stood here before the correction
	Changed bool
}

// Paper is a material of the application.
type Paper struct {
	Name    city.Text
	File    string // name of the file, "" when there is none
	Size    int64
	Href    string
	Licence string // number of the fetched licence
	Link    string // its page
	Seen    bool
	At      time.Time
	Fresh   bool // it came with the correction
}

// application lays out what was applied for: the present answers with their
// sources, and what the correction changed.
func (d *Desk) application(ctx context.Context, c casework.Case, records []casework.Record) (parts []Part, papers []Paper, err error) {
	if d.Items == nil {
		return nil, nil, nil
	}
	f, ok := d.Items.Form(c.Item)
	if !ok {
		return nil, nil, nil
	}
	var versions []Application // oldest first
	for _, r := range records {
		if len(r.Words.Payload) == 0 || string(r.Words.Payload) == "null" {
			continue
		}
		a, err := d.Items.Application(r.Words.Payload)
		if err != nil {
			return nil, nil, err
		}
		versions = append(versions, a)
	}
	if len(versions) == 0 {
		return nil, nil, nil
	}
	now := versions[len(versions)-1]
	var before *Application
	if len(versions) > 1 {
		before = &versions[len(versions)-2]
	}
	regions := d.regionOptions(f, now.Answers)
	if before != nil {
		regions = append(regions, d.regionOptions(f, before.Answers)...)
	}
	lang := web.ViewOf(ctx).Lang
	for _, st := range f.Visible(now.Answers) {
		p := Part{Title: st.Title}
		for _, fd := range st.Fields {
			if fd.Type == form.File {
				continue // a paper
			}
			a := Answer{Name: fd.Label, Value: web.SayAnswer(lang, fd, now.Answers[fd.ID], regions)}
			if src, ok := now.Sources[fd.ID]; ok {
				a.Source, a.At = d.sourceName(src.From), src.At
			}
			if before != nil && !reflect.DeepEqual(before.Answers[fd.ID], now.Answers[fd.ID]) {
				a.Changed, a.Before = true, web.SayAnswer(lang, fd, before.Answers[fd.ID], regions)
			}
			p.Answers = append(p.Answers, a)
		}
		if len(p.Answers) > 0 {
			parts = append(parts, p)
		}
	}
	it, _ := d.item(c.Item)
	for _, m := range now.Materials {
		p := Paper{Name: materialName(it, m.ID), File: m.Name, Size: m.Size, Licence: m.Licence, Seen: m.Seen, At: m.At}
		if !m.Blob.IsZero() {
			p.Href = FilePath(c.Number, m.Blob)
			p.Fresh = before != nil && !hasBlob(before.Materials, m.Blob)
		}
		if m.Licence != "" && d.Licences != nil {
			p.Link = LicencePath(m.Licence, "")
		}
		papers = append(papers, p)
	}
	return parts, papers, nil
}

func hasBlob(list []Material, id city.BlobID) bool {
	for _, m := range list {
		if m.Blob == id {
			return true
		}
	}
	return false
}

func materialName(it serviceitem.Item, id string) city.Text {
	for _, m := range it.Materials {
		if m.ID == id {
			return m.Name
		}
	}
	return web.Plain(id)
}

// regionOptions names the divisions that the answers mention.
func (d *Desk) regionOptions(f *form.Compiled, answers map[string]any) []web.Option {
	var out []web.Option
	add := func(v any) {
		if s, ok := v.(string); ok && s != "" {
			if name := d.Directory.RegionName(city.RegionCode(s)); !name.IsZero() {
				out = append(out, web.Option{Value: s, Label: name})
			}
		}
	}
	for id, v := range answers {
		fd, ok := f.Field(id)
		if !ok {
			continue
		}
		switch fd.Type {
		case form.Region:
			add(v)
		case form.Address:
			switch a := v.(type) {
			case map[string]string:
				add(a["region"])
			case map[string]any:
				add(a["region"])
			}
		}
	}
	return out
}

// sourceName says where a fact was read: the register, a licence, another body.
func (d *Desk) sourceName(from string) city.Text {
	src, err := rule.ParseSource(from)
	if err != nil {
		return city.Text{}
	}
	switch src.Kind {
	case rule.FromRegister:
		if src.Name == "firm" {
			return web.Words("desk.source.firm")
		}
		return web.Words("desk.source.person")
	case rule.FromLicence:
		name := web.Plain(src.Name)
		if d.Licences != nil {
			if t, ok := d.Licences.Type(city.CredentialType(src.Name)); ok {
				name = t.Name
			}
		}
		return web.Words("desk.source.licence", "name", name)
	case rule.FromExchange:
		return web.Words("desk.source.exchange", "name", src.Name)
	}
	return web.Words("desk.source.answer")
}

// fieldLabel says what a point of a correction is about.
func (d *Desk) fieldLabel(item city.ItemCode) func(string) city.Text {
	return func(id string) city.Text {
		if id == "" || d.Items == nil {
			return city.Text{}
		}
		if f, ok := d.Items.Form(item); ok {
			if fd, ok := f.Field(id); ok {
				return fd.Label
			}
		}
		if it, ok := d.item(item); ok {
			for _, m := range it.Materials {
				if m.ID == id {
					return m.Name
				}
			}
		}
		return city.Text{}
	}
}
