package check

import (
	"time"

	"yiwang/city"
	"yiwang/internal/cborscan"
)

// GrantClaims are what a code says that a holder let be used for one purpose.
type GrantClaims struct {
	Kind     GrantKind `json:"kind"`
	Purpose  city.Text `json:"purpose"`            // in the holder's words, the same in every language, or in the city's
	Audience string    `json:"audience,omitempty"` // for whom; nobody in particular when empty
	Type     string    `json:"type"`               // 证照类型代码: the number may be kept back
	// Shown are fields of the licence that the holder wanted to be read with it.
	Shown []ShownField `json:"shown,omitempty"`
}

// ShownField is one field of a licence as people read it.
type ShownField struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// GrantKind is on what a grant's code stands.
type GrantKind string

const (
	GrantShow GrantKind = "show" // on a screen, each code for a minute
	GrantCopy GrantKind = "copy" // on an annotated copy (加注件), until its last day
)

// ShowLife is how long a code on a screen counts.
const ShowLife = time.Minute

// longestCopy is how long the code of an annotated copy may count at most; one that
// claims more is none of ours.
const longestCopy = 367 * 24 * time.Hour

const (
	claimAudience = 3
	claimGrant    = -65539
)

type wireGrant struct {
	PurposeZh string     `cbor:"1,keyasint"`
	PurposeEn string     `cbor:"2,keyasint,omitempty"`
	Copy      int64      `cbor:"3,keyasint,omitempty"` // 1: an annotated copy
	Type      string     `cbor:"4,keyasint"`
	Shown     [][]string `cbor:"5,keyasint,omitempty"` // name and value in turn
}

func (g *GrantClaims) wire() *wireGrant {
	w := &wireGrant{PurposeZh: g.Purpose.ZhHans, Type: g.Type}
	if g.Purpose.En != g.Purpose.ZhHans {
		w.PurposeEn = g.Purpose.En
	}
	if g.Kind == GrantCopy {
		w.Copy = 1
	}
	for _, f := range g.Shown {
		w.Shown = append(w.Shown, []string{f.Name, f.Value})
	}
	return w
}

// mostShown bounds the fields that a code may carry beside the standard ones.
const mostShown = 16

func readGrant(r *cborscan.Reader, g *GrantClaims) {
	g.Kind = GrantShow
	r.Fields(func(key int64) bool {
		switch key {
		case 1:
			g.Purpose.ZhHans = r.Text()
		case 2:
			g.Purpose.En = r.Text()
		case 3:
			if r.Int() == 1 {
				g.Kind = GrantCopy
			}
		case 4:
			g.Type = r.Text()
		case 5:
			for all := r.Array(); all.Next(); {
				var f ShownField
				n := 0
				for pair := r.Array(); pair.Next(); n++ {
					switch n {
					case 0:
						f.Name = r.Text()
					case 1:
						f.Value = r.Text()
					default:
						r.Fail()
						return true
					}
				}
				if g.Shown = append(g.Shown, f); len(g.Shown) > mostShown {
					r.Fail()
					return true
				}
			}
		default:
			return false
		}
		return true
	})
	if g.Purpose.En == "" {
		g.Purpose.En = g.Purpose.ZhHans
	}
}

// plausible reports whether a code of ours may say so: a grant names its purpose, ends,
// and lives no longer than its kind may.
func (g *GrantClaims) plausible(c *Claims) bool {
	life := ShowLife
	if g.Kind == GrantCopy {
		life = longestCopy
	}
	return g.Purpose.ZhHans != "" && g.Type != "" && c.StatusList != "" && !c.Expires.IsZero() && c.SignedAt.Before(c.Expires) && c.Expires.Sub(c.SignedAt) <= life &&
		(c.Number == "" || c.Number.Parts().Type == g.Type)
}

// typeCode is the code of the licence's type.
func (c *Claims) typeCode() string {
	if c.Grant != nil {
		return c.Grant.Type
	}
	return c.Number.Parts().Type
}

// For says in a sentence what a grant's code may be used for.
func (g *GrantClaims) For() city.Message {
	m := city.Message{Key: "credential.grant.for", Args: []any{"purpose", g.Purpose}}
	if g.Audience != "" {
		m.Key, m.Args = "credential.grant.for.audience", append(m.Args, "audience", g.Audience)
	}
	return m
}
