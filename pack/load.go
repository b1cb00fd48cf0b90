package pack

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"yiwang/alert"
	"yiwang/algorithm"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/credential"
	"yiwang/credential/pass"
	"yiwang/directory"
	"yiwang/fleet/risk"
	"yiwang/form"
	"yiwang/incident"
	"yiwang/rule"
	"yiwang/serviceitem"
)

// Load reads and checks the city in the folder. With any fault there is no City.
// Nothing outside the folder is read, whatever its links say.
func Load(dir string) (*City, []Fault) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, []Fault{{Message: city.Message{Key: "pack.unreadable", Args: []any{"detail", plainError(err)}}}}
	}
	return LoadFS(root.FS())
}

// LoadFS is Load for any file system, such as one within the program. It is kept
// by the City, for the files of examples.
func LoadFS(fsys fs.FS) (*City, []Fault) {
	l := &loader{fsys: fsys, faults: &faults{}, unread: map[string]bool{}, city: &City{Files: fsys, Forms: map[city.FormID]*form.Compiled{}}}
	l.list()
	if len(l.faults.list) > 0 && l.files == nil {
		return nil, l.faults.sorted()
	}
	l.read()
	l.checkAll()
	if len(l.faults.list) > 0 {
		return nil, l.faults.sorted()
	}
	return l.city, nil
}

// defs are the definitions of one folder: each with the document it came from.
type defs[T any] struct {
	docs []*document
	vals []T
}

// loader reads one pack.
type loader struct {
	fsys   fs.FS
	faults *faults
	city   *City
	files  map[string][]string // files by folder, "" the pack's own

	site, calendar, regions, sensors, detection, speeds, risk *document

	siteDef     Site
	calendarDef calendarFile
	regionsDef  directory.RegionDef
	sensorsDef  alert.Definition
	rulesDef    alert.Detection
	riskDef     risk.Formula

	bodies      defs[directory.BodyDef]
	credentials defs[credential.Type]
	rules       defs[rule.Definition]
	forms       defs[form.Form]
	kinds       defs[casework.Kind]
	items       defs[serviceitem.Item]
	classes     defs[incident.Group]
	mappings    defs[Mapping]
	knowledge   defs[incident.Chapter]
	algorithms  defs[algorithm.Description]
	passes      defs[pass.Purpose]

	unread map[string]bool // files that couldn't be read
	known  index
}

// folders are those of a pack, with the ending of their files; "" is any.
var folders = map[string]string{
	"bodies": ".yaml", "credentials": ".yaml", "rules": ".yaml", "forms": ".yaml", "kinds": ".yaml", "items": ".yaml",
	"classes": ".yaml", "knowledge": ".yaml", "algorithms": ".yaml", "passes": ".yaml", "import": ".yaml", "access": ".cedar", "examples": "", "imported": ".csv", "registers": ".csv",
}

// ownFiles are those beside the folders; the ones that are true must be there.
var ownFiles = map[string]bool{
	"city.yaml": true, "calendar.yaml": true, "regions.yaml": true,
	"sensors.yaml": false, "detection.yaml": false, "roads.geojson": false, "speeds.yaml": false, "risk.yaml": false, "README.md": false, "README.zh-CN.md": false, "LICENSE": false,
}

// list finds the files of the pack. A file that nobody would read is a fault: it
// is most likely misspelt.
func (l *loader) list() {
	files := map[string][]string{}
	n := 0
	err := fs.WalkDir(l.fsys, ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name == ".":
			return nil
		case strings.HasPrefix(e.Name(), "."):
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if n++; n > mostFiles {
			l.faults.add("", 0, "pack.too_many_files", "max", mostFiles)
			return fs.SkipAll
		}
		folder := strings.TrimSuffix(path.Dir(name), ".")
		_, isFolder := folders[name]
		switch {
		case e.IsDir():
			if !isFolder {
				l.faults.add(name, 0, "pack.stray_folder", "known", strings.Join(sortedKeys(folders), ", "))
				return fs.SkipDir
			}
			return nil
		case folder == "":
			if _, ok := ownFiles[name]; !ok {
				l.faults.add(name, 0, "pack.stray_file")
				return nil
			}
		default:
			if ending := folders[folder]; !strings.HasSuffix(name, ending) {
				l.faults.add(name, 0, "pack.stray_ending", "ending", ending)
				return nil
			}
		}
		files[folder] = append(files[folder], name)
		return nil
	})
	if err != nil {
		l.faults.add("", 0, "pack.unreadable", "detail", plainError(err))
		return
	}
	for _, name := range sortedKeys(ownFiles) {
		if ownFiles[name] && !slices.Contains(files[""], name) {
			l.faults.add(name, 0, "pack.file_missing")
		}
	}
	l.files = files
}

func (l *loader) read() {
	one := func(name string, into any) *document {
		if !slices.Contains(l.files[""], name) {
			return nil
		}
		d := readDocument(l.fsys, name, l.faults)
		if d != nil {
			d.decode(into)
		}
		return d
	}
	l.site = one("city.yaml", &l.siteDef)
	l.calendar = one("calendar.yaml", &l.calendarDef)
	l.regions = one("regions.yaml", &l.regionsDef)
	l.sensors = one("sensors.yaml", &l.sensorsDef)
	l.detection = one("detection.yaml", &l.rulesDef)
	l.speeds = one("speeds.yaml", &l.city.Speeds)
	l.risk = one("risk.yaml", &l.riskDef)
	readAll(l, "bodies", &l.bodies, func(b *directory.BodyDef) string { return string(b.ID) })
	readAll(l, "credentials", &l.credentials, func(t *credential.Type) string { return string(t.ID) })
	readAll(l, "rules", &l.rules, func(r *rule.Definition) string { return string(r.ID) })
	readAll(l, "forms", &l.forms, func(f *form.Form) string { return string(f.ID) })
	readAll(l, "kinds", &l.kinds, func(k *casework.Kind) string { return string(k.ID) })
	readAll(l, "items", &l.items, func(it *serviceitem.Item) string { return string(it.Code) })
	readAll(l, "classes", &l.classes, func(g *incident.Group) string { return g.ID })
	readAll(l, "knowledge", &l.knowledge, func(c *incident.Chapter) string { return c.ID })
	readAll(l, "algorithms", &l.algorithms, func(d *algorithm.Description) string { return string(d.ID) })
	readAll(l, "passes", &l.passes, func(p *pass.Purpose) string { return p.ID })
	readAll(l, "import", &l.mappings, func(m *Mapping) string { return m.ID })
	l.city.Listed = readImported(l.fsys, l.faults)
	l.city.Policies = map[string][]byte{}
	for _, name := range l.files["access"] {
		b, err := readFile(l.fsys, name, mostPolicy)
		switch {
		case errors.Is(err, errTooLarge):
			l.faults.add(name, 0, "pack.too_large", "max", sayBytes(mostPolicy))
		case err != nil:
			l.faults.add(name, 0, "pack.unreadable", "detail", plainError(err))
		default:
			l.city.Policies[name] = b
		}
	}
}

// readAll reads the definitions of a folder. A definition is named as its file,
// so that nobody has to look for it.
func readAll[T any](l *loader, folder string, into *defs[T], id func(*T) string) {
	for _, name := range l.files[folder] {
		d := readDocument(l.fsys, name, l.faults)
		if d == nil {
			l.unread[name] = true
			continue
		}
		var v T
		d.decode(&v)
		key := "id"
		if folder == "items" {
			key = "code"
		}
		if want := strings.TrimSuffix(path.Base(name), ".yaml"); id(&v) != want {
			d.at(key, "pack.name_differs", "id", id(&v), "file", want)
		}
		into.docs = append(into.docs, d)
		into.vals = append(into.vals, v)
	}
}

func (l *loader) checkAll() {
	l.known = l.index()
	l.checkSite()
	l.checkCalendar()
	l.checkRegions()
	l.checkRoads()
	l.checkSpeeds()
	l.checkInterception()
	l.checkBodies()
	l.checkCredentials()
	l.checkRules(context.Background())
	l.checkForms()
	l.checkKinds()
	l.checkItems()
	l.checkSensors()
	l.checkRegisters()
	l.checkRisk()
	l.checkPasses()
	l.checkClasses()
	l.checkDetection()
	l.checkMappings()
	l.checkKnowledge()
	l.checkAlgorithms()
	l.checkPolicies()
	c := l.city
	c.Site, c.Regions, c.Sensors, c.Detection = l.siteDef, l.regionsDef, l.sensorsDef, l.rulesDef
	c.Groups, c.Mappings, c.Knowledge, c.Algorithms = l.classes.vals, l.mappings.vals, l.knowledge.vals, l.algorithms.vals
	c.Bodies, c.Credentials, c.Kinds, c.Items = l.bodies.vals, l.credentials.vals, l.kinds.vals, l.items.vals
}
