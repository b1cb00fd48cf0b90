package demo

import (
	"context"
	"fmt"
	"slices"

	"yiwang/city"
	"yiwang/directory"
	"yiwang/identity"
	"yiwang/internal/db"
)

// An officer for each post of the city, in the busy offices one for each district
// beside, and of those who mend and check in the streets as many as data/incidents.yaml
// says. The name of an account is the post's, so that anybody can
// look at any desk.

// seat is a post that an officer is made up for.
type seat struct {
	post   city.PostID
	region city.RegionCode
	login  string
}

// byDistrict are the posts of which each district has its own officer, too.
var byDistrict = []city.PostID{"market-regulation.inspector", "urban-management.inspector", "service-center.clerk"}

func (d *Demo) seats() []seat {
	var all []seat
	for _, b := range d.now.Pack.Bodies {
		for _, p := range b.Posts {
			id := city.PostID(string(b.ID) + "." + p.ID)
			all = append(all, seat{post: id, login: string(id)})
			if !slices.Contains(byDistrict, id) {
				continue
			}
			for _, r := range d.now.Pack.Regions.Children {
				all = append(all, seat{id, r.Code, string(id) + "." + string(r.Code)})
			}
		}
	}
	for _, cr := range d.words.Streets.Crews {
		b, ok := d.now.Pack.Body(cr.Post.Body())
		if !ok {
			continue
		}
		parts := regionUnder(d.now.Pack.Regions, b.Region).Children
		for i := range cr.Officers {
			s := seat{post: cr.Post, login: fmt.Sprintf("%s.%d", cr.Post, i+2)}
			if len(parts) > 0 {
				s.region = parts[i%len(parts)].Code
			}
			all = append(all, s)
		}
	}
	return all
}

// regionUnder finds a region among another and those in it.
func regionUnder(r directory.RegionDef, code city.RegionCode) directory.RegionDef {
	for r.Code != code {
		i := slices.IndexFunc(r.Children, func(c directory.RegionDef) bool { return c.Code.Contains(code) })
		if i < 0 {
			return directory.RegionDef{}
		}
		r = r.Children[i]
	}
	return r
}

func (c *casting) appointOfficers(ctx context.Context, tx *db.Tx) error {
	n := c.names(streamOfficers, 20)
	places := n.communities(c.now.Pack)
	today := city.DateOf(c.began)
	seats := c.seats()
	list := make([]directory.Person, len(seats))
	for i := range seats {
		home := pick(n.Rand, places)
		female := n.IntN(2) == 0
		born := n.born(today, 24+n.IntN(34))
		list[i] = directory.Person{CitizenNumber: n.officerNumber(home.district(), born, female), Name: n.surname() + n.given(born, female),
			Region: home.code, Address: n.address(home)}
	}
	ids, err := c.then.Directory.AddPeople(ctx, tx, program, list)
	if err != nil {
		return err
	}
	for i, s := range seats {
		h := directory.Holding{Post: s.post, Person: ids[i], Region: s.region, From: c.began.AddDate(0, -9, 0)} // before the campaign
		if err := c.then.Directory.Appoint(ctx, tx, program, h); err != nil {
			return fmt.Errorf("demo: %s: %w", s.login, err)
		}
		_, err := c.then.Identity.CreateAccount(ctx, tx, program, identity.NewAccount{Kind: city.Officer, Person: ids[i], Login: s.login, Password: c.hashed})
		if err != nil {
			return fmt.Errorf("demo: account %s: %w", s.login, err)
		}
	}
	return nil
}

// officerNumber keeps officers' numbers apart from residents', whose sequence
// begins at a hundred, and from the cast's.
func (n *names) officerNumber(district string, born city.Date, female bool) string {
	for {
		s := city.NewCitizenNumber(district, born, 50+n.IntN(50), female)
		if !n.taken[s] {
			n.taken[s] = true
			return s
		}
	}
}

// officer is somebody who works off cases, ready to act.
type officer struct {
	city.Actor
}

// officersFor lists who holds the post and covers the region, those with a login of
// the sign-in page left out: their desks are for whoever signs in.
func (d *Demo) officersFor(ctx context.Context, tx *db.Tx, post city.PostID, region city.RegionCode) ([]officer, error) {
	d.mu.Lock()
	list, ok := d.officers[post]
	d.mu.Unlock()
	if !ok {
		var err error
		if list, err = d.readOfficers(ctx, tx, post); err != nil {
			return nil, err
		}
		d.mu.Lock()
		d.officers[post] = list
		d.mu.Unlock()
	}
	return slices.DeleteFunc(slices.Clone(list), func(o officer) bool { return !o.Covers(region) }), nil
}

func (d *Demo) readOfficers(ctx context.Context, tx *db.Tx, post city.PostID) ([]officer, error) {
	cast := map[string]bool{}
	for _, s := range d.cast.SignIns {
		cast[s.Login] = true
	}
	held, err := d.now.Directory.OfficersOf(ctx, tx, post, "")
	if err != nil {
		return nil, err
	}
	var list []officer
	for _, o := range held {
		a, ok, err := d.now.Identity.AccountOf(ctx, tx, o.Person, city.Officer)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		if a, err = d.now.Identity.ReadAccount(ctx, tx, program, a.ID); err != nil {
			return nil, err
		}
		if cast[a.Login] {
			continue
		}
		list = append(list, officer{Actor: city.Actor{Kind: city.Officer, Account: a.ID, Person: o.Person, Assurance: city.AssurancePassword,
			Channel: city.ChannelCounter, Body: o.Body, Posts: o.Posts, Regions: o.Regions}})
	}
	return list, nil
}
