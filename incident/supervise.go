package incident

import (
	"context"
	"fmt"
	"strings"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/internal/db"
)

// supervisedAt is the step of the engine's escalation at which somebody above has
// to answer: the first says that a limit has passed, the second that nothing
// came of saying so.
const supervisedAt = 2

// supervised opens a supervision order (督办) when an overdue matter escalates for
// the second time: the head of the body that has it answers to the office that
// watches. One order comes of each stay in a stage, and none while the body still
// owes an answer on the same matter. A city that names no kind for it has none.
func (s *Service) supervised(ctx context.Context, tx *db.Tx, call casework.EffectCall) error {
	c, set := call.Case, s.Settings
	if set.Supervision == "" || c.State.Step != supervisedAt {
		return nil
	}
	post := s.answerable(c.Body)
	orders, err := s.cases.Children(ctx, tx, program(call.Actor), c.ID)
	if err != nil {
		return err
	}
	for _, o := range orders {
		if o.Kind == set.Supervision && o.Open && o.State.Params["body"] == string(post.Body()) {
			return nil
		}
	}
	_, err = s.cases.Open(ctx, tx, program(call.Actor), casework.Opening{Kind: set.Supervision, Item: c.Item, Region: c.Region, Parent: c.ID,
		Title: string(c.Number), Key: fmt.Sprintf("supervision:%s:%d:%d", c.ID, city.Micros(c.State.Entered), c.State.Step),
		Params: map[string]string{"body": string(post.Body()), "post": strings.TrimPrefix(string(post), string(post.Body())+"."), "office": string(set.Office), "watcher": set.Watcher}})
	return err
}

// answerable is who answers for a body: its head, or whoever stands above the
// watching post where the body has none.
func (s *Service) answerable(body city.BodyID) city.PostID {
	if head := city.PostID(string(body) + ".head"); body != "" {
		if _, ok := s.Directory.Post(head); ok {
			return head
		}
	}
	post := city.PostID(string(s.Settings.Office) + "." + s.Settings.Watcher)
	for range 20 { // a chain of posts is short; one that turns back on itself ends here
		up, ok := s.Directory.Superior(post)
		if !ok {
			break
		}
		post = up
	}
	return post
}
