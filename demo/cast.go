package demo

import (
	"context"
	"fmt"
	"time"

	"yiwang/city"
	"yiwang/directory"
	"yiwang/identity"
	"yiwang/internal/db"
)

// castFile is data/cast.yaml.
type castFile struct {
	People     map[string]castPerson `yaml:"people"`
	Relations  []castRelation        `yaml:"relations"`
	Firm       castFirm              `yaml:"firm"`
	Delegation struct {
		Giver, Taker string
		Items        []city.ItemCode
		Years        int
	} `yaml:"delegation"`
	SignIns []castSignIn `yaml:"sign_ins"`
	Papers  []castPaper  `yaml:"papers"`
}

type castPerson struct {
	Name    string          `yaml:"name"`
	Number  string          `yaml:"number"`
	Region  city.RegionCode `yaml:"region"`
	Address string          `yaml:"address"`
	Phone   string          `yaml:"phone"`
}

type castRelation struct {
	Person   string             `yaml:"person"`
	Relative string             `yaml:"relative"`
	Kind     directory.Relation `yaml:"kind"`
}

type castFirm struct {
	Seq        int             `yaml:"uscc_seq"`
	Name       string          `yaml:"name"`
	Kind       string          `yaml:"kind"`
	Legal      string          `yaml:"legal"`
	Agent      string          `yaml:"agent"`
	Region     city.RegionCode `yaml:"region"`
	Address    string          `yaml:"address"`
	Phone      string          `yaml:"phone"`
	Scope      string          `yaml:"scope"`
	CapitalWan int64           `yaml:"capital_wan"`
	Founded    string          `yaml:"founded"`
}

type castSignIn struct {
	Login  string          `yaml:"login"`
	Person string          `yaml:"person"`
	Posts  []city.PostID   `yaml:"posts"`
	Region city.RegionCode `yaml:"region"`
}

type castPaper struct {
	Type   city.CredentialType `yaml:"type"`
	Of     []string            `yaml:"of"`
	From   string              `yaml:"from"`
	Fields map[string]string   `yaml:"fields"`
}

// Password is that of every sign-in.
const Password = "demo"

// SignIn is a made-up person whom somebody can sign in as.
type SignIn struct {
	Login string
	About city.Text
}

// SignIns are those that people try first, then how to become any other officer.
func (d *Demo) SignIns() []SignIn {
	var all []SignIn
	for _, s := range d.cast.SignIns {
		about, _ := city.LookupText("demo.sign_in." + s.Login)
		all = append(all, SignIn{s.Login, about})
	}
	about, _ := city.LookupText("demo.sign_in.post")
	return append(all, SignIn{"…", about})
}

// Cast puts the people of the sign-ins in place, with their posts and papers, and
// an officer for each post. It is quick, and does nothing where it was done
// before; the data of a city made from another seed are city.KindConflict.
func (d *Demo) Cast(ctx context.Context) error {
	if done, err := d.alreadyCast(ctx); done || err != nil {
		return err
	}
	d.began = began(d.now.Clock.Now().In(d.now.Pack.Zone), d.Size.Days)
	// Every password here is the same word that everybody knows, so one hash, one salt included,
	// serves them all. Nothing but a demonstration may do that.
	d.past.Set(d.began)
	hashed, err := d.then.Identity.Hash(ctx, Password)
	if err != nil {
		return err
	}
	return d.at(ctx, d.began, func(ctx context.Context, tx *db.Tx) error {
		c := &casting{Demo: d, hashed: hashed, people: map[string]city.PersonID{}, accounts: map[string]city.AccountID{}}
		for _, step := range []func(context.Context, *db.Tx) error{c.addPeople, c.addFirm, c.addSignIns, c.delegate, c.appointOfficers, c.givePapers} {
			if err := step(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	})
}

// alreadyCast finds the administrator, whose account tells when the city's
// history began and whose number tells the seed.
func (d *Demo) alreadyCast(ctx context.Context) (bool, error) {
	var a identity.Account
	var facts map[string]any
	err := d.then.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		if a, err = d.then.Identity.FindAccount(ctx, tx, program, "admin"); err != nil {
			return err
		}
		facts, err = d.then.Directory.PersonFacts(ctx, tx, a.Person)
		return err
	})
	if notFound(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if facts["citizen_number"] != d.adminNumber() {
		return false, d.errOtherSeed()
	}
	d.began = a.Created.In(d.now.Pack.Zone)
	d.past.Set(d.began)
	return true, nil
}

// adminNumber follows from the seed.
func (d *Demo) adminNumber() string {
	r := d.chance(streamAdmin)
	born := city.Date{Year: 1985, Month: time.January, Day: 1}.AddDays(r.IntN(1800))
	return city.NewCitizenNumber("990102", born, r.IntN(500), false)
}

// casting is Cast under way.
type casting struct {
	*Demo
	hashed   identity.Hashed
	people   map[string]city.PersonID
	accounts map[string]city.AccountID // by person, of residents
	firm     city.FirmID
}

func (c *casting) addPeople(ctx context.Context, tx *db.Tx) error {
	var names []string
	var list []directory.Person
	for _, s := range c.cast.SignIns {
		names = append(names, s.Person)
		p := c.cast.People[s.Person]
		if s.Person == "admin" {
			p.Number = c.adminNumber()
			c.cast.People[s.Person] = p
		}
		list = append(list, directory.Person{CitizenNumber: p.Number, Name: p.Name, Region: p.Region, Address: p.Address, Phone: p.Phone})
	}
	ids, err := c.then.Directory.AddPeople(ctx, tx, program, list)
	if err != nil {
		return err
	}
	for i, name := range names {
		c.people[name] = ids[i]
	}
	for _, r := range c.cast.Relations {
		if err := c.then.Directory.Relate(ctx, tx, program, c.people[r.Person], c.people[r.Relative], r.Kind); err != nil {
			return err
		}
	}
	return nil
}

func (c *casting) addFirm(ctx context.Context, tx *db.Tx) (err error) {
	f := c.cast.Firm
	founded, err := c.day(f.Founded)
	if err != nil {
		return err
	}
	c.firm, err = c.then.Directory.AddFirm(ctx, tx, program, directory.Firm{USCC: city.NewUSCC("91", "990101", f.Seq), Name: f.Name, Kind: f.Kind,
		Legal: c.cast.People[f.Legal].Name, Region: f.Region, Address: f.Address, Phone: f.Phone, Scope: f.Scope,
		CapitalFen: f.CapitalWan * 10_000 * 100, Founded: founded}, c.people[f.Legal])
	if err != nil {
		return err
	}
	legal := city.Actor{Kind: city.Resident, Person: c.people[f.Legal], Assurance: city.AssurancePassword, Channel: city.ChannelWeb}
	return c.then.Directory.SetAgent(ctx, tx, legal, c.firm, c.people[f.Agent], time.Time{})
}

func (c *casting) addSignIns(ctx context.Context, tx *db.Tx) error {
	for _, s := range c.cast.SignIns {
		kind := city.Resident
		for i, post := range s.Posts {
			kind = city.Officer
			h := directory.Holding{Post: post, Person: c.people[s.Person], Region: s.Region, From: c.began}
			if i == 0 { // the officer's own post is the one held longest
				h.From = c.began.AddDate(-1, 0, 0)
			}
			if err := c.then.Directory.Appoint(ctx, tx, program, h); err != nil {
				return fmt.Errorf("demo: %s as %s: %w", s.Login, post, err)
			}
		}
		id, err := c.then.Identity.CreateAccount(ctx, tx, program, identity.NewAccount{Kind: kind, Person: c.people[s.Person], Login: s.Login, Password: c.hashed})
		if err != nil {
			return fmt.Errorf("demo: account %s: %w", s.Login, err)
		}
		c.accounts[s.Person] = id
	}
	return nil
}

func (c *casting) resident(name string) city.Actor {
	return city.Actor{Kind: city.Resident, Account: c.accounts[name], Person: c.people[name], Name: c.cast.People[name].Name,
		Assurance: city.AssurancePassword, Channel: city.ChannelWeb}
}

// delegate lets the elder give leave, and the daughter accept it.
func (c *casting) delegate(ctx context.Context, tx *db.Tx) error {
	l := c.cast.Delegation
	id, err := c.then.Identity.Give(ctx, tx, c.resident(l.Giver), identity.Leave{Taker: c.people[l.Taker], Items: l.Items, Until: c.began.AddDate(l.Years, 0, 0)})
	if err != nil {
		return err
	}
	return c.then.Identity.Accept(ctx, tx, c.resident(l.Taker), id)
}
