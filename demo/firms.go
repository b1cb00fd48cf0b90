package demo

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"yiwang/city"
	"yiwang/directory"
)

// firmsFile is data/firms.yaml.
type firmsFile struct {
	Words  []string             `yaml:"words"`
	Groups map[string]firmGroup `yaml:"groups"`
}

type firmGroup struct {
	Share   int      `yaml:"share"`
	Trades  []string `yaml:"trades"`
	Scope   string   `yaml:"scope"`
	Capital []int64  `yaml:"capital"`
}

// firm is a made-up firm; legal is the place of its representative in the list of
// residents.
type firm struct {
	directory.Firm
	group string
	legal int
}

// firstFirm is the first number of a made-up firm; the cast's firm lies below.
const firstFirm = 8000

// firms makes the firms up, each with a representative of its own.
func (d *Demo) firms(people []resident) []firm {
	n := d.names(streamFirms, 0)
	w := d.words.Firms
	groups := slices.Sorted(maps.Keys(w.Groups))
	places := n.communities(d.now.Pack)
	heads := withAge(people, 26, 62)
	n.Shuffle(len(heads), func(i, j int) { heads[i], heads[j] = heads[j], heads[i] })
	taken := map[string]bool{}
	var all []firm
	for i := 0; i < d.Size.Firms && i < len(heads); i++ {
		group := groups[len(groups)-1]
		for k, g := n.IntN(100), 0; g < len(groups); g++ {
			if k -= w.Groups[groups[g]].Share; k < 0 {
				group = groups[g]
				break
			}
		}
		g := w.Groups[group]
		name := ""
		for name == "" || taken[name] {
			name = fmt.Sprintf(n.FirmName, pick(n.Rand, w.Words)+pick(n.Rand, g.Trades))
			if n.IntN(4) == 0 {
				name = strings.Replace(name, n.FirmPlace[0], n.FirmPlace[1+n.IntN(len(n.FirmPlace)-1)], 1)
			}
		}
		taken[name] = true
		home := pick(n.Rand, places)
		legal := heads[i]
		people[legal].job = i
		all = append(all, firm{group: group, legal: legal, Firm: directory.Firm{
			USCC: city.NewUSCC("91", home.district(), firstFirm+i), Name: name, Kind: n.FirmKind, Legal: people[legal].Name,
			Region: home.code, Address: home.path + n.shop(home), Phone: people[legal].Phone, Scope: g.Scope,
			CapitalFen: pick(n.Rand, g.Capital) * 1_000_000, Founded: city.DateOf(d.began).AddDays(-200 - n.IntN(4000))}})
	}
	return all
}

// shop is where a firm has its premises.
func (n *names) shop(c community) string {
	return strings.NewReplacer("{c}", c.name, "{n}", fmt.Sprint(1+n.IntN(300)), "{r}", fmt.Sprint(1+n.IntN(3))).Replace(pick(n.Rand, n.Shops))
}
