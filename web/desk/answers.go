package desk

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/form"
	"yiwang/internal/db"
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

// Paper is a material of the application, and how it came.
type Paper struct {
	Name    city.Text
	How     serviceitem.How
	Files   []File
	Licence string // number of the fetched licence
	Link    string // its page
	At      time.Time
}

// File is an uploaded file.
type File struct {
	Name  string
	Size  int64
	Href  string
	Fresh bool // it came with the correction
}

// Complaint is what a follow-up or a review is about.
type Complaint struct {
	Level city.Text // of the rating; empty for a review
	Text  []string
	Href  string // of the matter that was rated, "" where the officer may not open it
}

// application lays out what was applied for, with the questions as they were
// asked: the present answers with their sources, and what the correction changed.
func (d *Desk) application(ctx context.Context, tx *db.Tx, m *Matter, records []casework.Record) error {
	var versions []serviceitem.Application // oldest first
	for _, r := range records {
		if len(r.Words.Payload) == 0 || string(r.Words.Payload) == "null" {
			continue
		}
		var a serviceitem.Application
		if err := json.Unmarshal(r.Words.Payload, &a); err != nil {
			return fmt.Errorf("application of %s: %w", m.Number, err)
		}
		versions = append(versions, a)
	}
	if len(versions) == 0 || versions[len(versions)-1].Digest == "" { // erased, or no application
		return nil
	}
	now := versions[len(versions)-1]
	switch now.Checked {
	case "self", "proxy":
		m.Checked = now.Checked
	}
	var before *serviceitem.Application
	if len(versions) > 1 {
		before = &versions[len(versions)-2]
	}
	it, steps, err := d.Items.Asked(ctx, tx, now)
	if err != nil {
		return err
	}
	regions := d.regionOptions(steps, now.Answers)
	if before != nil {
		regions = append(regions, d.regionOptions(steps, before.Answers)...)
	}
	lang := web.ViewOf(ctx).Lang
	for _, st := range steps {
		p := Part{Title: st.Title}
		for _, fd := range st.Fields {
			if fd.Type == form.File {
				continue // a paper
			}
			a := Answer{Name: fd.Label, Value: web.SayAnswer(lang, fd, now.Answers[fd.ID], regions)}
			if mark, ok := now.Marks[fd.ID]; ok {
				a.Source, a.At = d.sourceName(mark.Source), now.Filed
			}
			if before != nil && !same(before.Answers[fd.ID], now.Answers[fd.ID]) {
				a.Changed, a.Before = true, web.SayAnswer(lang, fd, before.Answers[fd.ID], regions)
			}
			p.Answers = append(p.Answers, a)
		}
		if len(p.Answers) > 0 {
			m.Parts = append(m.Parts, p)
		}
	}
	for _, g := range now.Materials {
		p := Paper{Name: materialName(it, g.Material), How: g.How, At: g.At}
		if g.Licence != nil {
			p.Licence, p.Link = string(g.Licence.Number), LicencePath(string(g.Licence.Number), "", m.Number)
		}
		for _, f := range g.Files {
			p.Files = append(p.Files, File{Name: f.Name, Size: f.Size, Href: FilePath(m.Number, f.ID), Fresh: before != nil && !hasFile(before.Materials, f.ID)})
		}
		m.Papers = append(m.Papers, p)
	}
	return nil
}

// complaint reads what a follow-up or a review is about; nil for other cases.
func (d *Desk) complaint(ctx context.Context, tx *db.Tx, v visit, m *Matter, records []casework.Record) error {
	if len(records) == 0 || len(records[0].Words.Payload) == 0 {
		return nil
	}
	var c serviceitem.Complaint
	if err := json.Unmarshal(records[0].Words.Payload, &c); err != nil || c.Case == "" {
		return err
	}
	m.Complaint = &Complaint{Text: paragraphs(c.Text)}
	if c.Level.Valid() {
		m.Complaint.Level = city.Text{ZhHans: c.Level.Name(city.Chinese), En: c.Level.Name(city.English)}
	}
	if c.Run.IsZero() {
		_, err := d.Cases.Get(ctx, tx, v.actor, c.Case)
		if err == nil {
			m.Complaint.Href = CasePath(c.Case, "")
		}
		return unlessForbidden(err)
	}
	run, err := d.Algorithms.Find(ctx, tx, v.actor, c.Run)
	if err != nil {
		return unlessForbidden(err)
	}
	said, err := d.verdict(ctx, run)
	m.Verdicts = append(m.Verdicts, said)
	return err
}

// unlessForbidden leaves out what the officer may not see.
func unlessForbidden(err error) error {
	if city.KindOf(err) == city.KindForbidden {
		return nil
	}
	return err
}

// same compares answers as they are stored: numbers that came through JSON are
// equal to those that didn't.
func same(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}

func hasFile(list []serviceitem.Given, id city.BlobID) bool {
	for _, g := range list {
		for _, f := range g.Files {
			if f.ID == id {
				return true
			}
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
func (d *Desk) regionOptions(steps []form.Step, answers map[string]any) []web.Option {
	var out []web.Option
	add := func(v any) {
		if s, ok := v.(string); ok && s != "" {
			if name := d.Directory.RegionName(city.RegionCode(s)); !name.IsZero() {
				out = append(out, web.Option{Value: s, Label: name})
			}
		}
	}
	for _, st := range steps {
		for _, fd := range st.Fields {
			switch a := answers[fd.ID].(type) {
			case string:
				if fd.Type == form.Region {
					add(a)
				}
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
		return web.Words("desk.source.licence", "name", d.typeName(city.CredentialType(src.Name)))
	case rule.FromExchange:
		return web.Words("desk.source.exchange", "name", src.Name)
	}
	return web.Words("desk.source.answer")
}

// typeName is what a licence type is called.
func (d *Desk) typeName(id city.CredentialType) city.Text {
	if t, ok := d.Credentials.Type(id); ok {
		return t.Name
	}
	return web.Plain(string(id))
}

// fieldLabel says what a point of a correction is about.
func (d *Desk) fieldLabel(code city.ItemCode) func(string) city.Text {
	it, f, ok := d.Items.Item(code)
	return func(id string) city.Text {
		if !ok || id == "" {
			return city.Text{}
		}
		if fd, ok := f.Field(id); ok {
			return fd.Label
		}
		m, _ := it.Material(id)
		return m.Name
	}
}

// fresh reports whether a file of the paper came with the correction.
func (p Paper) fresh() bool {
	for _, f := range p.Files {
		if f.Fresh {
			return true
		}
	}
	return false
}
