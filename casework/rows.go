package casework

import (
	"sync"

	"yiwang/city"
)

// rows remembers the current rows of cases that were acted on lately, so that the
// next action on a case begins without a query. What stands here may be behind
// the database: an action that is accepted claims the next number in the case's
// list, which only one can have, and whatever is refused on a remembered row is
// looked at again on the stored one. Two generations bound the memory.
type rows struct {
	mu         sync.Mutex
	young, old map[city.CaseNumber]caseRow // guarded by mu
}

const rowsRoom = 4096 // cases in a generation

func (r *rows) get(n city.CaseNumber) (caseRow, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c, ok := r.young[n]; ok {
		return c, true
	}
	c, ok := r.old[n]
	return c, ok
}

// put keeps the row unless a later one is known. Closed cases are forgotten:
// hardly anybody acts on them.
func (r *rows) put(c caseRow) {
	r.mu.Lock()
	defer r.mu.Unlock()
	have, ok := r.young[c.number]
	if !ok {
		have, ok = r.old[c.number]
	}
	switch {
	case ok && have.state.Seq >= c.state.Seq:
		return
	case !c.state.Open:
		delete(r.young, c.number)
		delete(r.old, c.number)
		return
	}
	if len(r.young) >= rowsRoom || r.young == nil {
		r.old, r.young = r.young, make(map[city.CaseNumber]caseRow, rowsRoom/4)
	}
	c.hadTasks = len(c.state.Tasks) > 1
	r.young[c.number] = c
}

func (r *rows) forget(n city.CaseNumber) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.young, n)
	delete(r.old, n)
}
