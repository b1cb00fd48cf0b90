package pack

import (
	"fmt"
	"strings"

	"yiwang/city"
)

// checkPasses looks at the purposes of pass codes (passes/), which a city need not have:
// at each in itself, and whether the posts and the kind that it names exist.
func (l *loader) checkPasses() {
	for i, d := range l.passes.docs {
		p := &l.passes.vals[i]
		d.atFields(p.Check())
		for j, id := range append([]city.PostID{p.Post}, p.LookUp...) {
			body, post, ok := strings.Cut(string(id), ".")
			if ok && l.known.body(city.BodyID(body)) && l.known.post(city.BodyID(body), post) {
				continue
			}
			at := "post"
			if j > 0 {
				at = fmt.Sprintf("look_up.%d", j-1)
			}
			d.at(at, "pack.no_post", "id", string(id))
		}
		if p.Kind != "" && !l.known.kind(p.Kind) {
			d.at("contest", "pack.no_kind", "id", string(p.Kind))
		}
	}
	l.city.Passes = l.passes.vals
}
