package scorecard

import (
	"bytes"
	"context"
	"strconv"

	"github.com/xuri/excelize/v2"

	"yiwang/credential/paper"
	"yiwang/web"
)

// lead says what stands above the tables, wherever they are read.
func (p *Pages) lead(ctx context.Context, s Reported) []string {
	out := []string{web.T(ctx, "scorecard.public.lead", "month", s.Month.Words()), web.T(ctx, "scorecard.find", "address", p.Origin+ReportPath(s.Month, s.Body, ""))}
	if s.Body != "" {
		out = append(out, web.T(ctx, "scorecard.own", "body", p.Body(s.Body)))
	}
	if s.Published.IsZero() {
		return append(out, web.T(ctx, "scorecard.not_published"))
	}
	return append(out, web.T(ctx, "scorecard.was_published", "at", s.Published.In(web.ViewOf(ctx).City.Zone), "by", s.By))
}

// manyColumns is from where on columns are so narrow that a share gets two lines.
const manyColumns = 8

func (p *Pages) pdf(ctx context.Context, s Reported) ([]byte, error) {
	v := web.ViewOf(ctx)
	doc := paper.Document{Title: web.T(ctx, "scorecard.report.title", "month", s.Month.Words()), Author: web.In(ctx, v.City.Name), Lead: p.lead(ctx, s), Printed: v.Now}
	for _, t := range s.Tables {
		table := paper.Table{Caption: t.Caption, Head: t.Head, Wide: t.Wide}
		for _, row := range t.Rows {
			cells := make([]string, len(row))
			for i, c := range row {
				cells[i] = c.Said + c.Of
				if len(t.Head) > manyColumns && c.Of != "" {
					cells[i] = c.Said + "\n" + c.Of // else a narrow column breaks it anywhere
				}
			}
			table.Rows = append(table.Rows, cells)
		}
		doc.Tables = append(doc.Tables, table)
	}
	return p.Press.Report(doc)
}

// xlsx writes each table on a sheet of its own, whole numbers as numbers; nothing
// in it is a formula, whatever it begins with.
func (p *Pages) xlsx(ctx context.Context, s Reported) ([]byte, error) {
	f := excelize.NewFile()
	defer f.Close()
	for i, t := range s.Tables {
		sheet := strconv.Itoa(i+1) + " " + cut(t.Caption, 25)
		if i == 0 {
			if err := f.SetSheetName(f.GetSheetName(0), sheet); err != nil {
				return nil, err
			}
		} else if _, err := f.NewSheet(sheet); err != nil {
			return nil, err
		}
		rows := [][]any{}
		for _, l := range p.lead(ctx, s) {
			rows = append(rows, []any{l})
		}
		rows = append(rows, []any{t.Caption})
		head := make([]any, len(t.Head))
		for j, h := range t.Head {
			head[j] = h
		}
		rows = append(rows, head)
		for _, row := range t.Rows {
			cells := make([]any, len(row))
			for j, c := range row {
				cells[j] = c.Said + c.Of
				if n, err := strconv.ParseInt(c.Said+c.Of, 10, 64); err == nil && j > 0 {
					cells[j] = n
				}
			}
			rows = append(rows, cells)
		}
		for j, row := range rows {
			if err := f.SetSheetRow(sheet, "A"+strconv.Itoa(j+1), &row); err != nil {
				return nil, err
			}
		}
	}
	var b bytes.Buffer
	err := f.Write(&b)
	return b.Bytes(), err
}

// cut keeps so many characters of a name, and none that a sheet's name can't have.
func cut(s string, n int) string {
	out := []rune{}
	for _, r := range s {
		if len(out) < n && !bytes.ContainsRune([]byte(`:\/?*[]'`), r) {
			out = append(out, r)
		}
	}
	return string(out)
}
