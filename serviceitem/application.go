package serviceitem

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"yiwang/city"
	"yiwang/credential"
	"yiwang/form"
	"yiwang/internal/db"
	"yiwang/rule"
)

// Application is what somebody applied for: the payload of the case, sealed with
// it.
type Application struct {
	Item      city.ItemCode   `json:"item"`
	Digest    string          `json:"digest"` // of the item and form as they stood
	Scenario  string          `json:"scenario,omitempty"`
	Answers   map[string]any  `json:"answers"`
	Marks     map[string]Mark `json:"marks,omitempty"` // answers that the city knew, by field
	Materials []Given         `json:"materials,omitempty"`
	Filed     time.Time       `json:"filed"`
	By        By              `json:"by"`
	Checked   string          `json:"checked,omitempty"` // how a clerk made sure who came
}

// By is who filled in an application.
type By string

const (
	ByApplicant By = "applicant"
	ByDelegate  By = "delegate" // somebody whom the applicant trusts
	ByAgent     By = "agent"    // of the firm
	ByClerk     By = "clerk"    // at the counter
	ByProgram   By = "program"
)

func byOf(actor city.Actor, p Party) By {
	switch {
	case actor.Kind == city.Officer:
		return ByClerk
	case actor.Kind == city.System:
		return ByProgram
	case !p.Firm.IsZero():
		return ByAgent
	case actor.Person != p.Person:
		return ByDelegate
	}
	return ByApplicant
}

// Mark says where an answer comes from that the applicant did not have to give.
type Mark struct {
	Source string `json:"source"`        // as rule.ParseSource reads it
	Ref    string `json:"ref,omitempty"` // of a licence, its number
}

// Given is a material and how it came.
type Given struct {
	Material string    `json:"material"`
	How      How       `json:"how"`
	Licence  *Paper    `json:"licence,omitempty"` // fetched, as it stood
	Files    []File    `json:"files,omitempty"`   // uploaded
	At       time.Time `json:"at,omitzero"`
}

// How is how a material came.
type How string

const (
	Fetched  How = "fetched"  // from the applicant's licences, with their yes
	Uploaded How = "uploaded" //
	OnPaper  How = "paper"    // shown or handed in at the counter
	Later    How = "later"    // 容缺后补: to follow
	ByOffice How = "office"   // the office looks for itself
	Absent   How = "absent"   // optional, and not given
)

// Paper is a licence as an application refers to it.
type Paper struct {
	Number credential.Number   `json:"number"`
	Type   city.CredentialType `json:"type"`
	Name   city.Text           `json:"name"`
	Issuer city.Text           `json:"issuer"`
	Issued city.Date           `json:"issued"`
	Until  city.Date           `json:"until,omitzero"`
	Fields map[string]string   `json:"fields,omitempty"`
}

// File is an uploaded file as an application refers to it.
type File struct {
	ID     city.BlobID `json:"id"`
	Name   string      `json:"name"`
	Media  string      `json:"media"`
	Size   int64       `json:"size"`
	Digest string      `json:"digest"` // SHA-256 of the content, in hex
}

// choose finds the scenario of the answers: the first whose condition holds. One
// without condition is chosen by its id. There may be none.
func (it *item) choose(answers map[string]any, wanted string) (*Scenario, error) {
	vars := it.variables(answers)
	for i := range it.Scenarios {
		sc := &it.Scenarios[i]
		if it.when[i] == nil {
			if sc.ID == wanted {
				return sc, nil
			}
			continue
		}
		holds, err := it.when[i].Holds(vars)
		if err != nil {
			return nil, fmt.Errorf("item %s, scenario %s: %w", it.Code, sc.ID, err)
		}
		if holds {
			return sc, nil
		}
	}
	return nil, nil
}

// variables are answers as conditions see them: an unanswered list is empty, what
// is of the wrong type is unknown.
func (it *item) variables(answers map[string]any) map[string]any {
	vars := map[string]any{}
	for id, t := range it.vars {
		v, ok := answers[id]
		if !ok && t == rule.List {
			vars[id] = []string{}
		}
		if n, err := t.Normal(v); ok && err == nil {
			vars[id] = n
		}
	}
	return vars
}

// needed lists the materials of the scenario, or those that no scenario names
// when there is none.
func (it *item) needed(sc *Scenario) []Material {
	var out []Material
	for _, m := range it.Materials {
		if sc != nil {
			if slices.Contains(sc.Materials, m.ID) {
				out = append(out, m)
			}
			continue
		}
		if !slices.ContainsFunc(it.Scenarios, func(s Scenario) bool { return slices.Contains(s.Materials, m.ID) }) {
			out = append(out, m)
		}
	}
	return out
}

// Material finds a material by its id.
func (it *Item) Material(id string) (Material, bool) {
	for _, m := range it.Materials {
		if m.ID == id {
			return m, true
		}
	}
	return Material{}, false
}

// Read reads what was applied for in a case, for whoever may read the case. An
// officer's look is recorded by casework.Look.
func (s *Service) Read(ctx context.Context, tx *db.Tx, actor city.Actor, n city.CaseNumber) (Application, error) {
	var a Application
	err := s.engine.Payload(ctx, tx, actor, n, &a)
	return a, err
}

// Asked gives the steps that were asked, with the item, as both stood when the
// application was filed.
func (s *Service) Asked(ctx context.Context, tx *db.Tx, a Application) (Item, []form.Step, error) {
	it, err := s.itemAt(ctx, tx, a.Item, a.Digest)
	if err != nil {
		return Item{}, nil, err
	}
	return it.Item, it.form.Visible(a.Answers), nil
}

// itemAt is the item as it was when an application was filed.
func (s *Service) itemAt(ctx context.Context, tx *db.Tx, code city.ItemCode, digest string) (*item, error) {
	if it, ok := s.items[code]; ok && it.digest == digest {
		return it, nil
	}
	s.mu.Lock()
	it := s.old[digest]
	s.mu.Unlock()
	if it != nil {
		return it, nil
	}
	raw, err := definitionOf(ctx, tx, code, digest)
	if err != nil {
		return nil, fmt.Errorf("item %s as of %s: %w", code, digest, err)
	}
	var def struct {
		Item Item      `json:"item"`
		Form form.Form `json:"form"`
	}
	if err := json.Unmarshal([]byte(raw), &def); err != nil {
		return nil, fmt.Errorf("item %s as of %s: %w", code, digest, err)
	}
	c, err := form.Compile(def.Form)
	if err != nil {
		return nil, fmt.Errorf("form %s as of %s: %w", def.Form.ID, digest, err)
	}
	if it, err = compile(&def.Item, c); err != nil {
		return nil, fmt.Errorf("item %s as of %s: %w", code, digest, err)
	}
	s.mu.Lock()
	s.old[digest] = it
	s.mu.Unlock()
	return it, nil
}
