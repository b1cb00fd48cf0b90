package access

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/cedar-policy/cedar-go"
	"pgregory.net/rapid"

	"yiwang/city"
)

// Leaving policies out by their scope changes no answer: the same policies judge
// the same, all of them asked and only those that fit.
func TestScopeChangesNoAnswer(t *testing.T) {
	texts := map[string][]byte{"odd.cedar": []byte(`
@id("groups") permit (principal in Resident::"a", action in Action::"case.read", resource);
@id("one") forbid (principal == Officer::"o", action, resource == Case::"c");
@id("placed") permit (principal is Officer in Officer::"o", action in [Action::"case.read", Action::"odd"], resource is Case in Case::"c");
@id("everything") permit (principal, action, resource) when { context.covers && resource has free };
`)}
	files, err := filepath.Glob("../cities/jianghai/access/*.cedar")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		if texts[f], err = os.ReadFile(f); err != nil {
			t.Fatal(err)
		}
	}
	a, err := New(texts)
	if err != nil {
		t.Fatal(err)
	}
	all := slices.Clone(a.policies.any)
	actions := []string{"odd", "nowhere"}
	for name, list := range a.policies.of {
		actions = append(actions, name)
		for _, p := range list {
			if !slices.ContainsFunc(all, func(q policy) bool { return q.id == p.id }) {
				all = append(all, p)
			}
		}
	}
	slices.Sort(actions)
	whole := cedar.NewPolicySet()
	for _, p := range all {
		whole.Add(p.id, p.text)
	}
	allowed := 0
	rapid.Check(t, func(t *rapid.T) {
		person := rapid.SampledFrom([]city.PersonID{{1}, {2}})
		actor := city.Actor{Kind: rapid.SampledFrom([]city.ActorKind{city.Resident, city.Officer, city.System, city.Anonymous}).Draw(t, "kind"),
			Person: person.Draw(t, "person"), Account: city.AccountID{3}, Body: "audit", Posts: []city.PostID{"audit.auditor"}, Part: "worker"}
		r := Resource{Type: rapid.SampledFrom([]string{"Case", "Inbox", "Person", "Item", "Account", "Credential", "Entry", "Cellar"}).Draw(t, "type"),
			ID: rapid.SampledFrom([]string{"c", "d"}).Draw(t, "id"), Attrs: Attrs{"applicant": person.Draw(t, "applicant"), "person": person.Draw(t, "owner"),
				"kind": "incident", "verb": rapid.SampledFrom([]string{"comment", "withdraw"}).Draw(t, "verb"), "posts": []string{"audit.auditor"},
				"bodies": []string{"audit"}, "barred": []string{}, "free": rapid.Bool().Draw(t, "free")}}
		action := rapid.SampledFrom(actions).Draw(t, "action")
		got := a.Decide(actor, action, r)
		every := &Access{policies: scoped{any: slices.Collect(func(yield func(policy) bool) {
			for id, p := range whole.All() {
				if !yield(policy{id: id, text: p}) {
					return
				}
			}
		})}}
		want := every.Decide(actor, action, r)
		slices.Sort(got.Policies)
		slices.Sort(want.Policies)
		if got.Allowed != want.Allowed || !slices.Equal(got.Policies, want.Policies) || len(got.Errors) != len(want.Errors) {
			t.Fatalf("%s on %s: %+v, all policies asked %+v", action, r.Type, got, want)
		}
		if got.Allowed {
			allowed++
		}
	})
	if allowed == 0 {
		t.Error("nothing was ever allowed")
	}
}
