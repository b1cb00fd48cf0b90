package arch

import (
	"fmt"
	"sort"
	"strings"
	"testing"
)

// order is the import order of the house: "a < b" says that b may import a, and
// what a may import. It is the table of the house plan, word for word; names
// whose packages are still to be built stand in it too.
const order = `
city < rule, geo, fleet/jt808, internal/db
rule < form
internal/db < journal < access < directory < identity
geo < directory
directory, rule < algorithm
algorithm, form < casework
casework < catalogue < exchange
casework < credential
credential, exchange < serviceitem
algorithm < alert
alert, geo, fleet/jt808 < fleet
alert, casework, geo < incident
directory < notify, scorecard, search
journal < tlog
search, algorithm < assistant
all the above < pack < api, web, demo
web < web/citizen, web/desk, web/command
api, web/* < app ; app, demo < cmd/yiwang
`

// annex places what the plan names outside its table: the folder of fetched
// front-end code that the shell serves, the drawing of printed licences
// (docs/adr/0005), the reader of CBOR, the letters of QR codes and what
// health certificates say, codes in pictures, the cleaning of pictures, the classifier of reports, which knows
// sentences and no matters, the faces for machines that are no JSON (docs/adr/0007),
// the arithmetic of trajectories (docs/adr/0010), and the helpers of tests.
const annex = `
web/bundle < web
city < credential/paper < credential
city < credential/sdjwt < credential/check
internal/cborscan < credential/hcert < credential/check, api, cmd/yiwang
credential/packing < credential/check
credential/check < credential
city < credential/keyagent < credential
credential/check, credential/packing < internal/bench
credential/check < credential/kit < cmd/gate, web/gate
credential/pass, web < web/gate < app
credential/scan < web/citizen, cmd/yiwang
credential < credential/wallet < web/wallet
credential < credential/presentation < app
web/citizen < web/wallet < app
internal/db < internal/db/dbtest
city < internal/story, internal/arch
city < incident/picture < incident
geo < fleet/track < fleet, internal/bench, cmd/yiwang
app, tlog < internal/bench < cmd/yiwang
cities < app, demo, cmd/yiwang
alert, identity < api/mqtt < app
web < web/field < app
web < web/hotline < app
web < web/alerts < app
city < api/open311 < app
web < web/report < app
web < web/scorecard < app
web < web/fleet < app
geo < fleet/history < fleet
fleet/jt808, fleet/history < fleet/gateway < web/fleet, app, cmd/yiwang
algorithm < incident/words < incident
city, geo < fleet/register < fleet
fleet/track, fleet/register < fleet/detect < fleet, internal/bench
fleet/detect, fleet/track, fleet/register, geo < demo/nantong < internal/bench, demo
geo < geo/osm < pack
directory < fleet/intercept < pack, api, app
credential < credential/trustlist < web/trust, app, cmd/yiwang
web < web/trust < app
tlog < api/publiclog < app
tlog, web < web/publiclog < app
tlog, web < web/receipt < web/citizen, web/scorecard
directory, fleet/register < fleet/risk < fleet, pack, api, app
web < web/risk < app
casework, credential < credential/pass < pack, api, app
credential/pass, web < web/pass < app
credential < credential/grant < web/grant, app
web/citizen < web/grant < app
`

// helpers are imported by tests only.
var helpers = map[string]bool{"internal/db/dbtest": true, "internal/story": true, "internal/arch": true}

// lattice tells for each name what it may import, itself and what follows by
// transitivity included.
type lattice map[string]map[string]bool

func parseLattice(tables ...string) (lattice, error) {
	direct := map[string]map[string]bool{}
	var seen []string
	name := func(n string) {
		if direct[n] == nil {
			direct[n] = map[string]bool{}
			seen = append(seen, n)
		}
	}
	for _, line := range strings.FieldsFunc(strings.Join(tables, "\n"), func(r rune) bool { return r == '\n' || r == ';' }) {
		var below []string
		for i, group := range strings.Split(line, "<") {
			var names []string
			for _, n := range strings.Split(group, ",") {
				n = strings.TrimSpace(n)
				switch {
				case n == "":
					return nil, fmt.Errorf("a name is missing in %q", line)
				case n == "all the above":
					names = append(names, seen...)
				case strings.HasSuffix(n, "/*"):
					for _, s := range seen {
						if strings.HasPrefix(s, strings.TrimSuffix(n, "*")) {
							names = append(names, s)
						}
					}
				default:
					name(n)
					names = append(names, n)
				}
			}
			if i > 0 {
				for _, upper := range names {
					for _, lower := range below {
						direct[upper][lower] = true
					}
				}
			}
			below = names
		}
	}
	l := lattice{}
	var reach func(from, at string) error
	reach = func(from, at string) error {
		for next := range direct[at] {
			if next == from {
				return fmt.Errorf("the table lets %s import itself through %s", from, at)
			}
			if !l[from][next] {
				l[from][next] = true
				if err := reach(from, next); err != nil {
					return err
				}
			}
		}
		return nil
	}
	for n := range direct {
		l[n] = map[string]bool{n: true}
	}
	for n := range direct {
		if err := reach(n, n); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// faults lists what the packages import against the lattice.
func (l lattice) faults(packages []listed) []string {
	var faults []string
	for _, p := range packages {
		from := short(p.ImportPath)
		may, known := l[from]
		if !known {
			faults = append(faults, fmt.Sprintf("package %s has no place in the house plan; put its code where the plan has a room for it, or change the plan by an ADR", from))
			continue
		}
		check := func(imports []string, testing bool) {
			for _, imp := range imports {
				if !strings.HasPrefix(imp, module+"/") {
					continue
				}
				to := short(imp)
				switch {
				case testing && helpers[to]:
				case helpers[to] && !helpers[from]:
					faults = append(faults, fmt.Sprintf("%s imports %s, which is for tests only", from, to))
				case !may[to]:
					faults = append(faults, fmt.Sprintf("%s imports %s, which stands above or beside it", from, to))
				}
			}
		}
		check(p.Imports, false)
		check(p.TestImports, true)
		check(p.XTestImports, true)
	}
	sort.Strings(faults)
	return faults
}

func TestImportsFollowTheHousePlan(t *testing.T) {
	l, err := parseLattice(order, annex)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range l.faults(house(t)) {
		t.Error(f)
	}
}

// The table says what the plan means, seen at pairs that must hold and must not.
func TestLatticeReading(t *testing.T) {
	l, err := parseLattice(order, annex)
	if err != nil {
		t.Fatal(err)
	}
	for _, may := range []string{
		"form city", "casework journal", "serviceitem rule", "incident casework", "app web/desk",
		"cmd/yiwang tlog", "pack incident", "web/citizen serviceitem", "demo pack", "directory geo",
	} {
		from, to, _ := strings.Cut(may, " ")
		if !l[from][to] {
			t.Errorf("%s should be allowed to import %s", from, to)
		}
	}
	for _, mayNot := range []string{
		"city rule", "incident fleet", "casework credential", "casework serviceitem", "casework identity",
		"notify casework", "tlog directory", "tlog identity", "search casework", "pack web", "demo app",
		"web/citizen web/desk", "api web", "rule internal/db", "app demo",
	} {
		from, to, _ := strings.Cut(mayNot, " ")
		if l[from][to] {
			t.Errorf("%s must not be allowed to import %s", from, to)
		}
	}
	if _, err := parseLattice("a < b < c", "c < a"); err == nil {
		t.Error("a ring in the table went unseen")
	}
	got := l.faults([]listed{
		{ImportPath: "yiwang/utils"},
		{ImportPath: "yiwang/casework", Imports: []string{"fmt", "yiwang/credential", "yiwang/internal/db/dbtest"}},
		{ImportPath: "yiwang/form", Imports: []string{"yiwang/city"}, TestImports: []string{"yiwang/internal/db/dbtest"}, XTestImports: []string{"yiwang/casework"}},
	})
	if len(got) != 4 {
		t.Errorf("four faults expected, got %q", got)
	}
}
