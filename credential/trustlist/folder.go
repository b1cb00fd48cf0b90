package trustlist

import (
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"yiwang/city"
	"yiwang/credential"
)

// Folder is what signed lists in a folder say.
type Folder struct {
	Regions []Known // that an anchor of the folder names, by code
	Taken   map[string]bool
	Faults  []credential.TrustFault
}

// Bounds on a trust folder, which may have come from anywhere.
const (
	maxFiles = 10_000
	maxDepth = 4
)

// Load reads the signed lists of a folder of what is trusted. Keys of anchors lie in
// its folder named credential.AnchorFolder. Files that are no signed lists are left
// alone; an error means that the folder itself can't be read.
func Load(dir fs.FS, now time.Time) (*Folder, error) {
	f := &Folder{Taken: map[string]bool{}}
	fault := func(name string, err error) {
		var e *city.Error
		if !errors.As(err, &e) {
			e = city.Invalid("credential.trust.unreadable")
			e.Err = err
		}
		f.Faults = append(f.Faults, credential.TrustFault{File: name, Message: e.Message, Err: e.Err})
	}
	type found struct {
		name string
		list *List
	}
	var all []found
	files := 0
	err := fs.WalkDir(dir, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil && name == ".":
			return err
		case err != nil:
			return nil
		case d.IsDir():
			if name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == credential.AnchorFolder || strings.Count(name, "/") >= maxDepth) {
				return fs.SkipDir
			}
			return nil
		case strings.HasPrefix(d.Name(), "."):
			return nil
		}
		if files++; files > maxFiles {
			return fs.SkipAll
		}
		info, err := fs.Stat(dir, name)
		if err != nil || !info.Mode().IsRegular() {
			return nil // whoever reads the other keys says so
		}
		raw, err := readFile(dir, name)
		if err != nil || !LooksLikeList(raw) {
			return nil
		}
		f.Taken[name] = true
		l, err := Parse(raw)
		if err != nil {
			fault(name, err)
			return nil
		}
		all = append(all, found{name, l})
		return nil
	})
	if err != nil {
		return nil, err
	}
	var anchors []*credential.Key
	if sub, err := fs.Sub(dir, credential.AnchorFolder); err == nil {
		if t, faults, err := credential.LoadTrust(sub); err == nil {
			anchors = t.Keys()
			for _, x := range faults {
				x.File = credential.AnchorFolder + "/" + x.File
				f.Faults = append(f.Faults, x)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b found) int { return int(min(max(a.list.Head().Sequence-b.list.Head().Sequence, -1), 1)) })
	book := &shelf{anchors: map[string][]*List{}, lists: map[city.RegionCode][]*List{}}
	for _, x := range all {
		if x.list.Sort != SortRegions {
			continue
		}
		if err := book.addRegions(anchors, x.list, now); err != nil {
			fault(x.name, err)
		}
	}
	for _, x := range all {
		if x.list.Sort != SortIssuers {
			continue
		}
		if err := book.addIssuers(x.list, now); err != nil {
			fault(x.name, err)
		}
	}
	f.Regions = book.known()
	return f, nil
}

func readFile(dir fs.FS, name string) ([]byte, error) {
	file, err := dir.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, MaxList+1))
}

// AddTo lets t vouch by all that the folder says.
func (f *Folder) AddTo(t *credential.Trust) error {
	for _, k := range f.Regions {
		if err := k.AddTo(t); err != nil {
			return err
		}
	}
	return nil
}

// Logs are the keys of the logs of regions that are believed.
func (f *Folder) Logs() (keys []string) {
	for _, k := range f.Regions {
		if l := k.Newest(); l != nil && k.Dropped.IsZero() && l.Log != nil {
			keys = append(keys, l.Log.Key)
		}
	}
	return keys
}

// shelf puts lists that were signed as they must be in their order.
type shelf struct {
	anchors map[string][]*List // first layers, by the anchor's key id
	lists   map[city.RegionCode][]*List
}

func newest(all []*List) *List {
	if len(all) == 0 {
		return nil
	}
	return all[len(all)-1]
}

// signer is the anchor's key that signed a first layer.
func signer(anchors []*credential.Key, l *List) (string, error) {
	for _, k := range anchors {
		if l.SignedBy(k) {
			return k.ID().String(), nil
		}
	}
	return "", city.Invalid("trust.list.no_anchor")
}

func (s *shelf) addRegions(anchors []*credential.Key, l *List, now time.Time) error {
	id, err := signer(anchors, l)
	if err != nil {
		return err
	}
	news, err := Follows(newest(s.anchors[id]), l, now)
	if news {
		s.anchors[id] = append(s.anchors[id], l)
	}
	return err
}

func (s *shelf) addIssuers(l *List, now time.Time) error {
	code := l.Issuers.Region
	r, _, ok := s.region(code)
	switch {
	case !ok:
		return city.NotFound("trust.region.unknown", "code", string(code))
	case !r.MayList(l):
		return city.Invalid("trust.list.signature", "name", nameOr(r.Name, r.Code))
	}
	news, err := Follows(newest(s.lists[code]), l, now)
	if news {
		s.lists[code] = append(s.lists[code], l)
	}
	return err
}

// region is how the first layers describe a region: the newest that names it. A
// region that an anchor named and names no more is dropped.
func (s *shelf) region(code city.RegionCode) (r Region, dropped time.Time, ok bool) {
	for _, id := range sortedKeys(s.anchors) {
		lists := s.anchors[id]
		for i := len(lists) - 1; i >= 0; i-- {
			at := slices.IndexFunc(lists[i].Regions.Regions, func(x Region) bool { return x.Code == code })
			if at < 0 {
				continue
			}
			r, ok = lists[i].Regions.Regions[at], true
			if i == len(lists)-1 {
				return r, time.Time{}, true
			}
			dropped = lists[i+1].Regions.Issued
			break
		}
	}
	return r, dropped, ok
}

func sortedKeys[K ~string, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// known are all regions that were ever named, by code.
func (s *shelf) known() []Known {
	codes := map[city.RegionCode]bool{}
	for _, lists := range s.anchors {
		for _, l := range lists {
			for _, r := range l.Regions.Regions {
				codes[r.Code] = true
			}
		}
	}
	var all []Known
	for _, code := range sortedKeys(codes) {
		r, dropped, _ := s.region(code)
		k := Known{Region: r, Dropped: dropped}
		for _, l := range s.lists[code] {
			k.History = append(k.History, l.Issuers)
		}
		all = append(all, k)
	}
	return all
}
