package directory

import (
	"context"
	"slices"
	"time"

	"yiwang/access"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
)

// Holding says that a person holds a post for a region.
type Holding struct {
	Post   city.PostID
	Person city.PersonID
	Region city.RegionCode // what is covered; "" is all that the body covers
	From   time.Time       // zero: now
	Until  time.Time       // zero: open
}

// Officer is a person with the posts held at a moment. Body is that of the post
// held longest; the others may be posts of other bodies that the person is
// entrusted with, as the clerks of a joint counter are.
type Officer struct {
	Person  city.PersonID
	Body    city.BodyID
	Posts   []city.PostID
	Regions []city.RegionCode // as city.Actor has them: none is the whole city
}

// Appoint gives the person a post.
func (d *Directory) Appoint(ctx context.Context, tx *db.Tx, actor city.Actor, h Holding) error {
	if err := d.access.Ask(ctx, actor, "officer.appoint", d.postResource(h.Post)); err != nil {
		return err
	}
	post, ok := d.posts[h.Post]
	if !ok {
		return city.Invalid("directory.no_post", "post", string(h.Post))
	}
	if h.Region == "" {
		h.Region = d.bodies[post.Body].Region
	}
	if !d.bodies[post.Body].Region.Contains(h.Region) || !d.HasRegion(h.Region) {
		return city.Invalid("directory.region_outside", "code", string(h.Region))
	}
	now := d.clock.Now()
	if h.From.IsZero() {
		h.From = now
	}
	if !h.Until.IsZero() && !h.Until.After(h.From) {
		return city.Invalid("directory.until_early")
	}
	if _, err := selectPerson(ctx, tx, h.Person); err != nil {
		return noPerson(err)
	}
	upsertHolder(tx, h)
	d.moved(tx)
	return d.journal.Append(ctx, tx, journal.Event{
		At: now, Type: "officer.appointed", Subject: string(h.Post), Actor: actor, To: []journal.Recipient{{Person: h.Person}},
		Data: map[string]any{"post": h.Post, "region": h.Region},
	})
}

// Dismiss ends the person's holding of the post, for every region.
func (d *Directory) Dismiss(ctx context.Context, tx *db.Tx, actor city.Actor, post city.PostID, person city.PersonID) error {
	if err := d.access.Ask(ctx, actor, "officer.dismiss", d.postResource(post)); err != nil {
		return err
	}
	now := d.clock.Now()
	d.moved(tx)
	endHolder(tx, post, person, now, func(rows int64) error {
		if rows == 0 {
			return city.NotFound("directory.not_holder")
		}
		return nil
	})
	endWatches(tx, person, post, now)
	return d.journal.Append(ctx, tx, journal.Event{
		At: now, Type: "officer.dismissed", Subject: string(post), Actor: actor, To: []journal.Recipient{{Person: person}},
		Data: map[string]any{"post": post},
	})
}

func (d *Directory) postResource(id city.PostID) access.Resource {
	return access.Resource{Type: "Post", ID: string(id), Attrs: access.Attrs{"post": id, "body": d.posts[id].Body}}
}

// OfficerOf is the person with the posts held now; ok is false for somebody who
// holds none.
func (d *Directory) OfficerOf(ctx context.Context, tx *db.Tx, person city.PersonID) (o Officer, ok bool, err error) {
	held, err := holdingsOf(ctx, tx, person, d.clock.Now())
	if err != nil {
		return o, false, err
	}
	list := d.officers(held)
	if len(list) == 0 {
		return o, false, nil
	}
	return list[0], true, nil
}

// OfficersOf are those who hold the post now and cover the region; an empty
// region asks for all. Posts and regions are those of this post alone.
func (d *Directory) OfficersOf(ctx context.Context, tx *db.Tx, post city.PostID, region city.RegionCode) ([]Officer, error) {
	held, err := holdersOf(ctx, tx, post, d.clock.Now())
	if err != nil {
		return nil, err
	}
	held = slices.DeleteFunc(held, func(h Holding) bool { return region != "" && !h.Region.Contains(region) })
	return d.officers(held), nil
}

// OfficersOnDuty are those of OfficersOf when the post is manned at this moment,
// and nobody when it isn't.
func (d *Directory) OfficersOnDuty(ctx context.Context, tx *db.Tx, post city.PostID, region city.RegionCode) ([]Officer, error) {
	if !d.OnDuty(post, d.clock.Now()) {
		return nil, nil
	}
	return d.OfficersOf(ctx, tx, post, region)
}

// officers gathers holdings, which come in the order of persons or are one
// person's. Posts that the pack no longer has are left out.
func (d *Directory) officers(held []Holding) []Officer {
	var list []Officer
	var longest time.Time // held by the last of the list
	for _, h := range held {
		post, ok := d.posts[h.Post]
		if !ok {
			continue
		}
		if len(list) == 0 || list[len(list)-1].Person != h.Person {
			list, longest = append(list, Officer{Person: h.Person, Body: post.Body}), h.From
		}
		o := &list[len(list)-1]
		if h.From.Before(longest) {
			o.Body, longest = post.Body, h.From
		}
		if !slices.Contains(o.Posts, h.Post) {
			o.Posts = append(o.Posts, h.Post)
		}
		if !slices.Contains(o.Regions, h.Region) {
			o.Regions = append(o.Regions, h.Region)
		}
	}
	for i := range list {
		if slices.Contains(list[i].Regions, d.root) {
			list[i].Regions = nil
		}
	}
	return list
}
