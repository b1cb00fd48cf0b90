package credential

import (
	"context"
	"slices"
	"strconv"
	"time"

	"yiwang/city"
	"yiwang/credential/paper"
	"yiwang/internal/db"
)

// Shown lists the fields of a licence as people read them, in the order of its
// type; onPage leaves out those that don't stand on its face.
func (r *Registry) Shown(ctx context.Context, tx *db.Tx, l city.Lang, c Credential, onPage bool) ([]paper.Field, error) {
	t, err := r.typeAt(ctx, tx, c.Type, c.version)
	if err != nil {
		return nil, err
	}
	var out []paper.Field
	for _, f := range t.Fields {
		if v := c.Fields[f.ID]; v != "" && (f.OnPage || !onPage) {
			out = append(out, paper.Field{Name: f.Name, Value: r.say(l, f, v)})
		}
	}
	return out, nil
}

// say writes a value for people; what can't be read stays as it is.
func (r *Registry) say(l city.Lang, f FieldDef, v string) string {
	switch f.Type {
	case "date":
		if d, err := city.ParseDate(v); err == nil {
			return city.SayFullDate(l, d.In(time.UTC))
		}
	case "money":
		if n, err := strconv.ParseInt(v, 10, 64); err == nil {
			return city.SayMoney(l, n)
		}
	case "yesno":
		if b, err := strconv.ParseBool(v); err == nil {
			if b {
				return city.Say(l, "credential.yes")
			}
			return city.Say(l, "credential.no")
		}
	case "region":
		if r.o.Regions != nil {
			if name := r.o.Regions(city.RegionCode(v)).In(l); name != "" {
				return name
			}
		}
	}
	return v
}

// PDF prints a licence that the caller may read. The code stands on it while the
// licence is in force or only suspended; without a font the error is
// "pdf.font_missing".
func (r *Registry) PDF(ctx context.Context, tx *db.Tx, c Credential) ([]byte, error) {
	code := ""
	if c.Status == StatusValid || c.Status == StatusSuspended {
		code = c.Code
	}
	return r.print(ctx, tx, c, code, "")
}

// CopyPDF prints a licence with the code of a grant and a note across it that says what
// the copy is for (加注件).
func (r *Registry) CopyPDF(ctx context.Context, tx *db.Tx, c Credential, code string, note city.Message) ([]byte, error) {
	return r.print(ctx, tx, c, code, note.In(city.Chinese))
}

// ShownAs lists those of a licence's fields that are named, as people read them.
func (r *Registry) ShownAs(ctx context.Context, tx *db.Tx, l city.Lang, c Credential, ids []string) ([]ShownField, error) {
	t, err := r.typeAt(ctx, tx, c.Type, c.version)
	if err != nil {
		return nil, err
	}
	var out []ShownField
	for _, f := range t.Fields {
		if v := c.Fields[f.ID]; v != "" && slices.Contains(ids, f.ID) {
			out = append(out, ShownField{Name: f.Name.In(l), Value: r.say(l, f, v)})
		}
	}
	return out, nil
}

func (r *Registry) print(ctx context.Context, tx *db.Tx, c Credential, code, note string) ([]byte, error) {
	fields, err := r.Shown(ctx, tx, city.Chinese, c, true)
	if err != nil {
		return nil, err
	}
	// A field that repeats the holder's name needn't stand there twice.
	fields = slices.DeleteFunc(fields, func(f paper.Field) bool { return f.Value == c.Holder.Name })
	s := paper.Sheet{City: r.o.Name, Mark: r.o.Mark, Name: c.Name, Number: string(c.Number), Short: c.Number.Short(),
		Status: city.Text{ZhHans: c.Status.Name(city.Chinese), En: c.Status.Name(city.English)}, InForce: c.Status == StatusValid, Holder: c.Holder.Name,
		Fields: fields, Issuer: c.Issuer, Issued: c.Issued, From: c.From, Until: c.Until, Check: r.o.CheckURL, Printed: r.now(), Code: code, Note: note}
	press := r.o.Press
	if press == nil {
		press = paper.NewPress()
	}
	return press.Licence(s)
}
