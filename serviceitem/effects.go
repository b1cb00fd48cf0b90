package serviceitem

import (
	"context"
	"fmt"

	"yiwang/algorithm"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/credential"
	"yiwang/directory"
	"yiwang/internal/db"
	"yiwang/rule"
)

// Effects are what outcomes may name, for casework.New. They work once the
// service is bound to the engine that carries them out.
//
//	issue {type}              gives the licence of the type as the item describes it
//	revoke {type}             ends the licence of the type that the case gave
//	set_aside_rating          the bad rating that the case follows up doesn't count
//	note_review {finding}     what a person found who looked again: upheld, corrected
func (s *Service) Effects() map[string]casework.EffectFunc {
	return map[string]casework.EffectFunc{
		"issue": s.issue, "revoke": s.revoke, "set_aside_rating": s.setAside, "note_review": s.noteReview,
	}
}

// issue gives a licence, in the transaction of the decision and once for it.
func (s *Service) issue(ctx context.Context, tx *db.Tx, call casework.EffectCall) error {
	t := city.CredentialType(call.With["type"])
	it, ok := s.items[call.Case.Item]
	if !ok {
		return fmt.Errorf("serviceitem: case %s is about no item of the pack", call.Case.Number)
	}
	def, ok := s.Licences.Type(t)
	if !ok {
		return fmt.Errorf("serviceitem: item %s: no licence type %q", it.Code, t)
	}
	var how *Issue
	for i := range it.Issues {
		if it.Issues[i].Credential == t {
			how = &it.Issues[i]
		}
	}
	if how == nil {
		return fmt.Errorf("serviceitem: item %s does not say how the licence %q is filled in", it.Code, t)
	}
	actor := program(bodyOf(call.Case))
	var app Application
	if err := s.engine.Payload(ctx, tx, actor, call.Case.Number, &app); err != nil {
		return err
	}
	of := Party{call.Case.Applicant, call.Case.Firm}
	fill := &filling{s: s, it: it, app: app, sight: s.sight(of, actor.Body, papersMay(it, app.Materials))}
	if how.Founds != nil {
		firm, err := s.found(ctx, tx, actor, fill, how.Founds)
		if err != nil {
			return err
		}
		of.Firm = firm
		fill.sight = s.sight(of, actor.Body, fill.sight.may)
	}
	fields := map[string]string{}
	for _, f := range def.Fields {
		text, err := fill.text(ctx, tx, how.Fields[f.ID])
		if err != nil {
			return err
		}
		if text = fit(f, text); text != "" {
			fields[f.ID] = text
		}
	}
	holder, err := fill.holder(ctx, tx, def)
	if err != nil {
		return err
	}
	_, err = s.Licences.Issue(ctx, tx, actor, credential.Request{Cause: call.Key, Type: t, Holder: holder, Fields: fields,
		Case: call.Case.Number, Region: call.Case.Region})
	return err
}

// filling fills in a licence from an application.
type filling struct {
	s     *Service
	it    *item
	app   Application
	sight *sight
}

// text gives what a source says, as it stands on a licence; "" when nothing.
func (f *filling) text(ctx context.Context, tx *db.Tx, source string) (string, error) {
	if source == "" {
		return "", nil
	}
	src, err := rule.ParseSource(source)
	if err != nil {
		return "", err
	}
	if src.Kind == rule.FromAnswer {
		v, ok := f.app.Answers[src.Field]
		fd, known := f.it.form.Field(src.Field)
		if !ok || !known {
			return "", nil
		}
		return f.s.onLicence(fd, v), nil
	}
	v, _, err := f.sight.value(ctx, tx, src)
	if err != nil || v == nil {
		return "", err
	}
	if src.Kind == rule.FromRegister && src.Field == "region" {
		return f.s.regionName(sayAnswer(v)), nil
	}
	return sayAnswer(v), nil
}

// holder names who will hold a licence of the type.
func (f *filling) holder(ctx context.Context, tx *db.Tx, def credential.Type) (credential.Holder, error) {
	who, code := "person", "citizen_number"
	h := credential.Holder{Person: f.sight.of.Person}
	if def.Holder == credential.HolderFirm {
		who, code = "firm", "uscc"
		h = credential.Holder{Firm: f.sight.of.Firm}
		if h.Firm.IsZero() {
			return h, fmt.Errorf("serviceitem: item %s gives a firm's licence and there is no firm", f.it.Code)
		}
	}
	facts, err := f.sight.register(ctx, tx, who)
	if err != nil {
		return h, err
	}
	h.Name, _ = facts["name"].(string)
	h.Code, _ = facts[code].(string)
	return h, nil
}

// found enters a firm that comes into being with the decision. Its code is the
// next free one of the city's district; where the city gets codes from the
// registration authority's own system, that system takes this place.
func (s *Service) found(ctx context.Context, tx *db.Tx, actor city.Actor, fill *filling, sources map[string]string) (city.FirmID, error) {
	said := map[string]string{}
	for _, k := range FoundsKeys {
		src, err := rule.ParseSource(sources[k])
		if err != nil {
			return city.FirmID{}, err
		}
		v := fill.app.Answers[src.Field]
		if src.Kind != rule.FromAnswer {
			if v, _, err = fill.sight.value(ctx, tx, src); err != nil {
				return city.FirmID{}, err
			}
		}
		said[k] = sayAnswer(v)
	}
	uscc, err := s.nextUSCC(ctx, tx, said["region"])
	if err != nil {
		return city.FirmID{}, err
	}
	return s.Directory.AddFirm(ctx, tx, actor, directory.Firm{USCC: uscc, Name: said["name"], Region: city.RegionCode(said["region"]),
		Address: said["address"], Founded: s.today()}, fill.sight.of.Person)
}

// firstFirm keeps the numbers given here apart from those of registers that were
// imported from elsewhere.
const firstFirm = 50_000_000

func (s *Service) nextUSCC(ctx context.Context, tx *db.Tx, region string) (string, error) {
	district := region
	if len(district) > 6 {
		district = district[:6]
	}
	if len(district) < 6 {
		district = (string(s.Directory.City()) + "000000")[:6]
	}
	for {
		n, err := nextNumber(ctx, tx, "uscc:"+district)
		if err != nil {
			return "", err
		}
		uscc := city.NewUSCC("91", district, firstFirm+int(n))
		_, err = s.Directory.FirmByUSCC(ctx, tx, uscc)
		if city.KindOf(err) == city.KindNotFound {
			return uscc, nil
		}
		if err != nil {
			return "", err
		}
	}
}

// revoke ends what the case gave.
func (s *Service) revoke(ctx context.Context, tx *db.Tx, call casework.EffectCall) error {
	t := city.CredentialType(call.With["type"])
	actor := program(bodyOf(call.Case))
	given, err := s.Licences.ByCase(ctx, tx, actor, call.Case.Number)
	if err != nil {
		return err
	}
	reason := call.Record.Words.Reason
	if reason == "" {
		reason = city.Say(city.Chinese, "service.revoked_by_case")
	}
	for i, c := range given {
		if c.Type != t || c.Status != credential.StatusValid && c.Status != credential.StatusSuspended {
			continue
		}
		_, err := s.Licences.Revoke(ctx, tx, actor, credential.Change{Number: c.Number, Reason: reason, Case: call.Case.Number,
			Cause: fmt.Sprintf("%s/%d", call.Key, i)})
		if err != nil {
			return err
		}
	}
	return nil
}

// setAside takes the rating out of the averages that the case follows up.
func (s *Service) setAside(ctx context.Context, tx *db.Tx, call casework.EffectCall) error {
	return s.setRatingAside(ctx, tx, program(bodyOf(call.Case)), call.Case.Number)
}

// noteReview tells the register of rules what a person found who looked again.
func (s *Service) noteReview(ctx context.Context, tx *db.Tx, call casework.EffectCall) error {
	f := algorithm.Finding(call.With["finding"])
	if f != algorithm.Upheld && f != algorithm.Corrected {
		return fmt.Errorf("serviceitem: a review finds upheld or corrected, not %q", f)
	}
	return s.Rules.NoteFinding(ctx, tx, program(bodyOf(call.Case)), call.Case.Number, f)
}
