package access_test

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"yiwang/access"
	"yiwang/city"
)

func policies(t testing.TB, text string) *access.Access {
	t.Helper()
	a, err := access.New(map[string][]byte{"test.cedar": []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

var ctx = context.Background()

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // each refusal is logged, and here they are many
	os.Exit(m.Run())
}

// A tennis club: members see their own bookings, the warden of a court sees those
// of the region, nobody sees a sealed one.
const club = `
@id("own") permit (principal is Resident, action == Action::"booking.read", resource is Booking)
when { resource has applicant && resource.applicant == principal.applicant };
@id("warden") permit (principal is Officer, action in [Action::"booking.read", Action::"booking.move"], resource is Booking)
when { resource has body && principal.body == resource.body && principal.posts.contains("club.warden") && context.covers };
@id("helper") permit (principal is Resident, action == Action::"booking.make", resource is Booking)
when { principal has on_behalf && (context.all_items || context.items.contains(resource.item)) };
@id("surely") permit (principal is Resident, action == Action::"booking.pay", resource)
when { principal.assurance >= 2 };
@id("sealed") forbid (principal, action, resource) when { resource has sealed && resource.sealed };
`

func TestDecisions(t *testing.T) {
	a := policies(t, club)
	ann, ben := city.NewPersonID(), city.NewPersonID()
	resident := func(p city.PersonID) city.Actor {
		return city.Actor{Kind: city.Resident, Account: city.NewAccountID(), Person: p}
	}
	warden := city.Actor{Kind: city.Officer, Account: city.NewAccountID(), Person: ann, Body: "club", Posts: []city.PostID{"club.warden", "club.coach"}}
	with := func(a city.Actor, change func(*city.Actor)) city.Actor { change(&a); return a }
	booking := func(attrs access.Attrs, region city.RegionCode) access.Resource {
		return access.Resource{Type: "Booking", ID: "b1", Attrs: attrs, Region: region}
	}
	annsBooking := booking(access.Attrs{"applicant": ann, "body": city.BodyID("club"), "item": city.ItemCode("court")}, "990101")
	sealed := booking(access.Attrs{"applicant": ann, "body": city.BodyID("club"), "sealed": true}, "990101")
	helping := func(items ...city.ItemCode) city.Actor {
		return with(resident(ben), func(a *city.Actor) { a.OnBehalf, a.Items = ann, items })
	}

	for name, c := range map[string]struct {
		actor  city.Actor
		action string
		on     access.Resource
		want   city.Kind
	}{
		"one's own":                             {resident(ann), "booking.read", annsBooking, ""},
		"somebody else's":                       {resident(ben), "booking.read", annsBooking, city.KindForbidden},
		"acting for the owner":                  {helping(), "booking.read", annsBooking, ""},
		"nobody signed in":                      {city.Actor{Kind: city.Anonymous}, "booking.read", annsBooking, city.KindUnauthenticated},
		"an actor of no kind":                   {city.Actor{}, "booking.read", annsBooking, city.KindUnauthenticated},
		"an actor of an unheard-of kind":        {city.Actor{Kind: "robot", Person: ann}, "booking.read", annsBooking, city.KindForbidden},
		"an action nobody wrote about":          {resident(ann), "booking.burn", annsBooking, city.KindForbidden},
		"a type nobody wrote about":             {resident(ann), "booking.read", access.Resource{Type: "Cellar", Attrs: annsBooking.Attrs}, city.KindForbidden},
		"an officer is no resident":             {with(warden, func(a *city.Actor) { a.Posts = nil }), "booking.read", annsBooking, city.KindForbidden},
		"the warden, whole city":                {warden, "booking.move", annsBooking, ""},
		"the warden of the district":            {with(warden, func(a *city.Actor) { a.Regions = []city.RegionCode{"990102", "990101"} }), "booking.move", annsBooking, ""},
		"the warden of a street in it":          {with(warden, func(a *city.Actor) { a.Regions = []city.RegionCode{"990101001"} }), "booking.move", annsBooking, city.KindForbidden},
		"the warden of the next district":       {with(warden, func(a *city.Actor) { a.Regions = []city.RegionCode{"990102"} }), "booking.move", annsBooking, city.KindForbidden},
		"the warden of another club":            {with(warden, func(a *city.Actor) { a.Body = "chess" }), "booking.move", annsBooking, city.KindForbidden},
		"a booking without region":              {with(warden, func(a *city.Actor) { a.Regions = []city.RegionCode{"990102"} }), "booking.move", booking(annsBooking.Attrs, ""), ""},
		"a booking without the attribute asked": {warden, "booking.move", booking(nil, "990101"), city.KindForbidden},
		"an empty attribute is none":            {city.Actor{Kind: city.Officer, Posts: []city.PostID{"club.warden"}}, "booking.move", booking(access.Attrs{"body": ""}, ""), city.KindForbidden},
		"forbidden outweighs permitted":         {resident(ann), "booking.read", sealed, city.KindForbidden},
		"forbidden to the program, too":         {city.SystemActor("rule:x"), "booking.read", sealed, city.KindForbidden},
		"the program has no rights by nature":   {city.SystemActor("rule:x"), "booking.read", annsBooking, city.KindForbidden},
		"a leave for everything":                {helping(), "booking.make", annsBooking, ""},
		"a leave for this item":                 {helping("pool", "court"), "booking.make", annsBooking, ""},
		"a leave for another item":              {helping("pool"), "booking.make", annsBooking, city.KindForbidden},
		"no leave at all":                       {resident(ben), "booking.make", annsBooking, city.KindForbidden},
		"known by password":                     {with(resident(ann), func(a *city.Actor) { a.Assurance = city.AssurancePassword }), "booking.pay", annsBooking, city.KindForbidden},
		"known by passkey":                      {with(resident(ann), func(a *city.Actor) { a.Assurance = city.AssurancePasskey }), "booking.pay", annsBooking, ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := a.Ask(ctx, c.actor, c.action, c.on)
			if got := city.KindOf(err); got != c.want {
				t.Errorf("got %q, want %q: %v", got, c.want, err)
			}
			if d := a.Decide(c.actor, c.action, c.on); d.Allowed != (c.want == "") {
				t.Errorf("Decide says %+v", d)
			}
		})
	}

	t.Run("the answer names its grounds", func(t *testing.T) {
		if d := a.Decide(resident(ann), "booking.read", annsBooking); !cmp.Equal(d.Policies, []string{"own"}) {
			t.Errorf("got %+v", d)
		}
		if d := a.Decide(resident(ann), "booking.read", sealed); !cmp.Equal(d.Policies, []string{"sealed"}) {
			t.Errorf("got %+v", d)
		}
	})
	t.Run("a policy that can't be read against the request permits nothing and says so", func(t *testing.T) {
		d := policies(t, `@id("careless") permit (principal, action, resource) when { resource.owner == principal.person };`).Decide(resident(ann), "x", annsBooking)
		if d.Allowed || len(d.Errors) != 1 || !strings.Contains(d.Errors[0], "careless") {
			t.Errorf("got %+v", d)
		}
	})
	t.Run("nothing permits nothing", func(t *testing.T) {
		none, err := access.New(nil)
		if err != nil || none.Ask(ctx, resident(ann), "booking.read", annsBooking) == nil {
			t.Error("an empty folder opened a door")
		}
	})
}

// Whoever the actor is and whatever is asked: without a policy it is refused, and
// a forbid over everything beats a permit over everything.
func TestDenyByDefault(t *testing.T) {
	none := policies(t, "")
	both := policies(t, `permit (principal, action, resource); forbid (principal, action, resource) when { true };`)
	all := policies(t, `permit (principal, action, resource);`)
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.String()
		actor := city.Actor{
			Kind:    rapid.SampledFrom([]city.ActorKind{city.Anonymous, city.Resident, city.Officer, city.System, ""}).Draw(t, "kind"),
			Body:    city.BodyID(word.Draw(t, "body")),
			Posts:   []city.PostID{city.PostID(word.Draw(t, "post"))},
			Regions: []city.RegionCode{city.RegionCode(word.Draw(t, "region"))},
			Part:    word.Draw(t, "part"), Channel: city.Channel(word.Draw(t, "channel")),
			Assurance: city.Assurance(rapid.IntRange(-3, 9).Draw(t, "assurance")),
		}
		if rapid.Bool().Draw(t, "person") {
			actor.Person, actor.Account = city.NewPersonID(), city.NewAccountID()
		}
		action := word.Draw(t, "action")
		r := access.Resource{Type: word.Draw(t, "type"), ID: word.Draw(t, "id"), Region: city.RegionCode(word.Draw(t, "of")),
			Attrs: access.Attrs{"x": word.Draw(t, "x"), "n": rapid.Int().Draw(t, "n"), "b": rapid.Bool().Draw(t, "b")}}
		if none.Ask(ctx, actor, action, r) == nil {
			t.Fatal("permitted by nothing")
		}
		if both.Ask(ctx, actor, action, r) == nil {
			t.Fatal("a permit outweighed a forbid")
		}
		if err := all.Ask(ctx, actor, action, r); err != nil {
			t.Fatal(err)
		}
	})
}

func TestFaultyPolicies(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"a typo":               {map[string]string{"a.cedar": "permit (principal,\n  action resource);"}, "a.cedar:2:18: "},
		"the second file":      {map[string]string{"a.cedar": "permit (principal, action, resource);", "b.cedar": "permit"}, "b.cedar"},
		"brackets without end": {map[string]string{"a.cedar": "permit (principal, action, resource) when " + strings.Repeat("{", 1<<20)}, "too many"},
		"deep brackets":        {map[string]string{"a.cedar": "permit (principal, action, resource) when { " + strings.Repeat("(", 250<<10)}, "a.cedar"},
		"deep denials":         {map[string]string{"a.cedar": "permit (principal, action, resource) when { " + strings.Repeat("!", 250<<10)}, "a.cedar"},
		"deep lists":           {map[string]string{"a.cedar": "permit (principal, action, resource) when { " + strings.Repeat("[", 250<<10)}, "a.cedar"},
		"one name twice":       {map[string]string{"a.cedar": `@id("x") permit (principal, action, resource);`, "b.cedar": `@id("x") forbid (principal, action, resource);`}, `"x" stands twice`},
		"an unclosed quote":    {map[string]string{"a.cedar": `permit (principal, action == Action::"read, resource);`}, "a.cedar"},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string][]byte{}
			for n, text := range c.files {
				files[n] = []byte(text)
			}
			if _, err := access.New(files); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	// Policies without a name get the file's, so that two files never clash.
	text := []byte("permit (principal, action, resource);\nforbid (principal, action, resource);")
	if _, err := access.New(map[string][]byte{"a.cedar": text, "b.cedar": text}); err != nil {
		t.Error(err)
	}
}

// A policy file comes from a city's folder: whatever stands in it, it is refused
// or compiled, never a panic, and what compiles can be asked.
func FuzzPolicies(f *testing.F) {
	f.Add([]byte(club))
	f.Add([]byte(`@id("a") permit (principal in Group::"x", action in [Action::"a"], resource) unless { context.covers };`))
	f.Add([]byte(`permit (principal, action, resource) when { if 1 < 2 then ip("::1").isLoopback() else [1, "二"].contains(principal.part) };`))
	f.Add([]byte("// 只有注释"))
	f.Add([]byte(`forbid (principal, action, resource) when { resource.x like "a*\u{4e00}" && -9223372036854775808 < decimal("1.0") };`))
	actor := city.Actor{Kind: city.Resident, Account: city.NewAccountID(), Person: city.NewPersonID()}
	f.Fuzz(func(t *testing.T, text []byte) {
		a, err := access.New(map[string][]byte{"fuzz.cedar": text})
		if err != nil {
			return
		}
		_ = a.Decide(actor, "case.read", access.Resource{Type: "Case", ID: "1", Attrs: access.Attrs{"x": "y"}, Region: "9901"})
	})
}

// What is asked again and again by a part of the program is answered from memory, and
// never for another part, action, resource or circumstance.
func TestStandingQuestions(t *testing.T) {
	a := policies(t, `
@id("clock") permit (principal == System::"clock", action == Action::"court.lock", resource is Court);
@id("not-sealed") forbid (principal, action, resource is Court) when { resource has sealed && resource.sealed };
@id("here") permit (principal is System, action == Action::"court.sweep", resource is Court) when { context.covers };`)
	court := access.Resource{Type: "Court"}
	for range 3 {
		for _, c := range []struct {
			actor  city.Actor
			action string
			r      access.Resource
			want   bool
		}{
			{city.SystemActor("clock"), "court.lock", court, true},
			{city.SystemActor("door"), "court.lock", court, false},
			{city.SystemActor("clock"), "court.open", court, false},
			{city.SystemActor("clock"), "court.lock", access.Resource{Type: "Shed"}, false},
			{city.SystemActor("clock"), "court.lock", access.Resource{Type: "Court", Attrs: access.Attrs{"sealed": true}}, false},
			{city.SystemActor("clock"), "court.lock", access.Resource{Type: "Court", Attrs: access.Attrs{"sealed": false}}, true},
			{city.Actor{Kind: city.Officer, Account: city.NewAccountID(), Part: "clock"}, "court.lock", court, false},
			{city.Actor{Kind: city.System, Part: "clock", Scopes: []string{"court.read"}}, "court.lock", court, false},
			{city.SystemActor("broom"), "court.sweep", court, true},
			{city.Actor{Kind: city.System, Part: "broom", Regions: []city.RegionCode{"990102"}}, "court.sweep", access.Resource{Type: "Court", Region: "990101"}, false},
		} {
			if got := a.Decide(c.actor, c.action, c.r).Allowed; got != c.want {
				t.Errorf("%+v %s %+v: %v", c.actor, c.action, c.r, got)
			}
		}
	}
	if n := testing.AllocsPerRun(100, func() { a.Decide(city.SystemActor("clock"), "court.lock", court) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	for i := range 3000 { // more than are remembered
		part := "clock"
		if i%2 == 1 {
			part = strings.Repeat("x", i)
		}
		if a.Decide(city.SystemActor(part), "court.lock", court).Allowed != (i%2 == 0) {
			t.Fatal(part)
		}
	}
}
