package report

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode"

	"yiwang/city"
	"yiwang/incident"
	"yiwang/internal/db"
	"yiwang/web"
)

const mostSimilar = 3 // near matters offered

// guessOf says what the words may be about, what that class asks, and which open
// matters it may be. What the reader chose stays chosen; what was only guessed
// follows the words.
func (p *Pages) guessOf(ctx context.Context, tx *db.Tx, a city.Actor, s sent) (Guess, error) {
	g := Guess{Shown: guessNone, Other: s.other}
	if s.join != "" || strings.TrimSpace(s.text) == "" {
		g.Shown = ""
		return g, nil
	}
	list := p.Incidents.Suggest(s.text)
	for i, c := range list {
		line, ok := p.line(c.Class)
		if !ok {
			continue
		}
		if i == 0 {
			g.Offered = c.Class
		}
		if i == 0 && c.Share >= p.Incidents.Settings.Sure {
			g.Shown, g.Class, g.Why = string(c.Class), &line, quoted(s.text, c.Why)
		}
		g.Choices = append(g.Choices, line)
	}
	g.All = p.allClasses()
	g.Chosen = s.class
	own := s.class != "" && s.class != s.shown && (s.class != classHotline || s.shown != guessNone)
	if !own {
		g.Chosen = g.Shown
		if g.Shown == guessNone {
			g.Chosen = classHotline
		}
	}
	if line, ok := p.line(city.ItemCode(g.Chosen)); ok && !slices.ContainsFunc(g.Choices, func(c ClassLine) bool { return c.Code == line.Code }) {
		g.Choices = append(g.Choices, line)
	}
	g.Open = g.Class == nil || g.Chosen != g.Shown
	class, ok := p.Incidents.Class(g.class())
	if !ok {
		return g, nil
	}
	g.Emergency = class.Emergency
	g.Questions = questions(class, s.answers)
	near, err := p.Incidents.Similar(ctx, tx, a, class.Code, s.point())
	for i, n := range near {
		if i < mostSimilar {
			g.Similar = append(g.Similar, SimilarLine{Number: n.Number, Name: class.Name, Metres: max(5, int(n.Distance/5+.5)*5), At: n.At, Reports: n.Reports, Tell: n.Tell})
		}
		if s.same == string(n.Number) {
			g.Same = s.same
		}
	}
	if s.same == sameNone {
		g.Same = sameNone
	}
	return g, err
}

// class is the class that stands now; "" leaves it to the hotline.
func (g Guess) class() city.ItemCode {
	switch g.Chosen {
	case classHotline, guessNone:
		return ""
	case classOther:
		return city.ItemCode(g.Other)
	}
	return city.ItemCode(g.Chosen)
}

func (p *Pages) line(code city.ItemCode) (ClassLine, bool) {
	c, ok := p.Incidents.Class(code)
	return ClassLine{Code: c.Code, Name: c.Name, About: c.About, Office: p.body(c.Body), Limit: web.Words("web.limit."+string(c.Limit.Unit), "n", c.Limit.N)}, ok
}

// body is a body's short name, or its whole one.
func (p *Pages) body(id city.BodyID) city.Text {
	b, _ := p.Directory.Body(id)
	if b.Short.IsZero() {
		return b.Name
	}
	return b.Short
}

// allClasses are all classes, under their groups.
func (p *Pages) allClasses() []web.Option {
	groups := map[string]city.Text{}
	for _, g := range p.Incidents.Groups {
		groups[g.ID] = g.Name
	}
	list := slices.Clone(p.Incidents.Classes())
	slices.SortStableFunc(list, func(a, b incident.Class) int { return cmp.Compare(a.Code[:3], b.Code[:3]) })
	out := make([]web.Option, len(list))
	for i, c := range list {
		out[i] = web.Option{Value: string(c.Code), Label: c.Name, Group: groups[c.Group]}
	}
	return out
}

// questions are what a class asks beside the words.
func questions(c incident.Class, answers map[string]string) []web.Field {
	var out []web.Field
	for _, q := range c.Fields {
		f := web.Field{Name: answersPrefix + q.Code, Label: q.Label, Hint: q.Help, Required: q.Required, Value: answers[q.Code], Max: longestAnswer}
		switch q.Datatype {
		case "text":
			f.Type = web.FieldLongText
		case "number":
			f.Type = web.FieldDecimal
		case "singlevaluelist":
			f.Type = web.FieldChoice
		case "multivaluelist":
			f.Type, f.Values = web.FieldMultiChoice, strings.Split(f.Value, ",")
		case "datetime":
			f.Type, f.Parts = web.FieldDate, map[string]string{}
			for _, part := range []string{"year", "month", "day"} {
				f.Parts[part] = answers[q.Code+"."+part]
			}
		default:
			f.Type = web.FieldText
		}
		for _, v := range q.Values {
			f.Options = append(f.Options, web.Option{Value: v.Key, Label: v.Name})
		}
		out = append(out, f)
	}
	return out
}

const longestAnswer = 500

// quoted are the parts of the text that terms of it make up, in its own letters:
// terms that overlap or follow one another are one part.
func quoted(text string, terms []string) []string {
	letters := []rune(text)
	low := make([]rune, len(letters))
	for i, r := range letters {
		low[i] = unicode.ToLower(r)
	}
	marked := make([]bool, len(letters))
	for _, t := range terms {
		term := []rune(t)
		if len(term) < 3 && !hanRune(term) { // "is" decided nothing that anybody would say
			continue
		}
		for i := 0; len(term) > 0 && i+len(term) <= len(low); i++ {
			if !slices.Equal(low[i:i+len(term)], term) {
				continue
			}
			end := i + len(term)
			if !hanRune(term) { // a whole word, or its plural
				if i > 0 && wordRune(low[i-1]) {
					continue
				}
				if end < len(low) && low[end] == 's' {
					end++
				}
				if end < len(low) && wordRune(low[end]) {
					continue
				}
			}
			for j := i; j < end; j++ {
				marked[j] = true
			}
		}
	}
	var out []string
	for i := 0; i < len(marked) && len(out) < mostQuoted; i++ {
		if !marked[i] {
			continue
		}
		end := i
		for end < len(marked) && marked[end] {
			end++
		}
		if part := string(letters[i:end]); !slices.Contains(out, part) {
			out = append(out, part)
		}
		i = end
	}
	return out
}

const mostQuoted = 3

func hanRune(term []rune) bool { return len(term) > 0 && unicode.Is(unicode.Han, term[0]) }

func wordRune(r rune) bool {
	return (unicode.IsLetter(r) || unicode.IsDigit(r)) && !unicode.Is(unicode.Han, r)
}
