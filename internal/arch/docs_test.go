package arch

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"sync"
	"testing"

	"go.yaml.in/yaml/v3"
)

// The documents are held to what they name: links, paths, packages and their
// exported names, make targets, commands and flags of the program. What the house
// plan has a room for and nobody has built yet may be spoken of.

// docs are the documents that people read, from the root.
func docs(t *testing.T) []string {
	t.Helper()
	var list []string
	for _, rel := range sources(t, ".md") {
		if !strings.HasPrefix(rel, "cities/") && !strings.Contains(rel, "testdata/") {
			list = append(list, rel)
		}
	}
	if len(list) < 5 {
		t.Fatalf("only %v was found", list)
	}
	return list
}

// mention is something a document names.
type mention struct {
	text string
	line int
	kind string // "link", "code" within a line, "command" in a fenced block
}

var (
	linkPattern = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	codePattern = regexp.MustCompile("`([^`]+)`")
)

func mentions(doc string) []mention {
	var found []mention
	fence := ""
	for i, line := range strings.Split(doc, "\n") {
		if lang, ok := strings.CutPrefix(line, "```"); ok {
			if fence == "" {
				fence = lang + " "
			} else {
				fence = ""
			}
			continue
		}
		if fence != "" {
			if strings.HasPrefix(fence, "sh") && strings.TrimSpace(line) != "" {
				found = append(found, mention{strings.TrimSpace(line), i + 1, "command"})
			}
			continue
		}
		for _, m := range linkPattern.FindAllStringSubmatch(line, -1) {
			found = append(found, mention{m[1], i + 1, "link"})
		}
		for _, m := range codePattern.FindAllStringSubmatch(line, -1) {
			found = append(found, mention{m[1], i + 1, "code"})
		}
	}
	return found
}

// truth is what the repository has, for documents to be held to.
type truth struct {
	exists   func(rel string) bool
	targets  map[string]bool                      // of make
	packages map[string]map[string]bool           // built packages and their exported names
	planned  map[string]bool                      // packages of the house plan, built or not
	flags    func(command string) (string, error) // help text of a command; nil while there is no program
}

var (
	makeCommand    = regexp.MustCompile(`^make ([a-z][a-z-]*)`)
	yiwangCommand  = regexp.MustCompile(`^(?:go run \./cmd/|bin/|\./)?yiwang ([a-z0-9]+)(.*)$`)
	flagPattern    = regexp.MustCompile(`--[a-z][a-z0-9-]*`)
	packageName    = regexp.MustCompile(`^([a-z][a-z0-9/]*)\.([A-Z]\w*(?:\.[A-Z]\w*)?)(?:\(.*\))?$`)
	pathPattern    = regexp.MustCompile(`^\.?[\w][\w.-]*(/[\w.*-]+)*/?$`)
	fileEnding     = regexp.MustCompile(`\.(go|md|yaml|templ|sql|sh|json|css|js|mod|sum|cedar|csv|png)$`)
	machinePath    = regexp.MustCompile(`(^|[\s"'(=])/(work|root|home|tmp|Users)/`)
	registryHost   = regexp.MustCompile(`(?i)\b(registry\.[a-z]|proxy\.golang|sum\.golang|deb\.debian\.org|npmjs)`)
	absoluteThings = regexp.MustCompile(`^/(var|etc|usr|opt)/`)
)

// fault says what is wrong with a mention in the document; "" is nothing.
func (tr truth) fault(doc string, m mention) string {
	switch m.kind {
	case "link":
		if strings.Contains(m.text, "://") || strings.HasPrefix(m.text, "#") || strings.HasPrefix(m.text, "mailto:") {
			return ""
		}
		to, _, _ := strings.Cut(m.text, "#")
		if !tr.exists(path.Join(path.Dir(doc), to)) {
			return "the link leads nowhere"
		}
		return ""
	case "command":
		known := strings.HasPrefix(m.text, "git ") || strings.HasPrefix(m.text, "curl ") || strings.HasPrefix(m.text, "ssh-agent ") || strings.Contains(m.text, " ssh-add -") || strings.HasPrefix(m.text, "#")
		if !known && !makeCommand.MatchString(m.text) && !yiwangCommand.MatchString(m.text) {
			return "no command of ours; say it in words or teach this test"
		}
	}
	if c := makeCommand.FindStringSubmatch(m.text); c != nil {
		if !tr.targets[c[1]] {
			return "the Makefile has no target " + c[1]
		}
		return ""
	}
	if c := yiwangCommand.FindStringSubmatch(m.text); c != nil {
		return tr.command(c[1], c[2])
	}
	if c := packageName.FindStringSubmatch(m.text); c != nil {
		names, built := tr.packages[c[1]]
		if !built {
			for p, n := range tr.packages { // web/citizen is written citizen, too
				if path.Base(p) == c[1] {
					names, built = n, true
				}
			}
		}
		switch {
		case built && !names[c[2]]:
			return "the package exports no " + c[2]
		case !built && !tr.planned[c[1]]:
			return "there is no package " + c[1]
		}
		return ""
	}
	if !pathPattern.MatchString(m.text) || absoluteThings.MatchString(m.text) {
		return ""
	}
	bare := strings.TrimSuffix(m.text, "/")
	if tr.planned[bare] || tr.exists(bare) {
		return ""
	}
	top, _, nested := strings.Cut(bare, "/")
	if !nested && !fileEnding.MatchString(bare) {
		return "" // a word, not a path
	}
	if tr.exists(path.Join(path.Dir(doc), bare)) {
		return ""
	}
	if tr.planned[top] && tr.packages[top] == nil {
		return ""
	}
	if strings.HasPrefix(bare, ".") && fileEnding.FindString(bare) == bare {
		return "" // an ending, such as .templ
	}
	if !nested { // a file's bare name, such as store.go, that stands somewhere
		if tr.exists("**/" + bare) {
			return ""
		}
		return "no file is called so"
	}
	if !tr.exists(top) && !tr.planned[top] && !fileEnding.MatchString(bare) {
		return "" // no path of ours: "a/b" in prose, an address, a media type
	}
	return "there is no such path"
}

func (tr truth) command(name, rest string) string {
	if tr.flags == nil {
		return ""
	}
	help, err := tr.flags(name)
	if err != nil {
		return err.Error()
	}
	if words := strings.Fields(rest); len(words) > 0 && strings.Contains(help, "Commands:") { // such as user add
		if help, err = tr.flags(name + " " + words[0]); err != nil {
			return err.Error()
		}
	}
	for _, f := range flagPattern.FindAllString(rest, -1) {
		if !regexp.MustCompile(regexp.QuoteMeta(f) + `\b`).MatchString(help) {
			return fmt.Sprintf("yiwang %s has no flag %s", name, f)
		}
	}
	return ""
}

func makeTargets(makefile string) map[string]bool {
	targets := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^([a-z][a-z-]*):`).FindAllStringSubmatch(makefile, -1) {
		targets[m[1]] = true
	}
	return targets
}

// exportedNames are what a package offers: names, and Type.Method or Type.Field.
func exportedNames(dir string) (map[string]bool, error) {
	names := map[string]bool{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || isTest(e.Name()) {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, e.Name()), nil, 0)
		if err != nil {
			return nil, err
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				name := d.Name.Name
				if d.Recv != nil {
					name = receiverName(d.Recv.List[0].Type) + "." + name
				}
				names[name] = true
			case *ast.GenDecl:
				for _, s := range d.Specs {
					switch s := s.(type) {
					case *ast.TypeSpec:
						names[s.Name.Name] = true
						var fields *ast.FieldList
						switch t := s.Type.(type) {
						case *ast.StructType:
							fields = t.Fields
						case *ast.InterfaceType:
							fields = t.Methods
						}
						if fields != nil {
							for _, f := range fields.List {
								for _, n := range f.Names {
									names[s.Name.Name+"."+n.Name] = true
								}
							}
						}
					case *ast.ValueSpec:
						for _, n := range s.Names {
							names[n.Name] = true
						}
					}
				}
			}
		}
	}
	return names, nil
}

func receiverName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiverName(e.X)
	case *ast.IndexExpr:
		return receiverName(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// helpOf asks the program itself what a command takes.
var builtProgram = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "yiwang-arch-")
	if err != nil {
		return "", err
	}
	bin := filepath.Join(dir, "yiwang")
	cmd := exec.Command("go", "build", "-o", bin, "./cmd/yiwang")
	cmd.Dir = root()
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build ./cmd/yiwang: %v: %s", err, out)
	}
	return bin, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if built {
		if bin, err := builtProgram(); err == nil {
			os.RemoveAll(filepath.Dir(bin))
		}
	}
	os.Exit(code)
}

var built bool // builtProgram was asked for

func helpOf(command string) (string, error) {
	built = true
	bin, err := builtProgram()
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	cmd := exec.Command(bin, append(strings.Fields(command), "--help")...)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("yiwang has no command %s", command)
	}
	return out.String(), nil
}

func houseTruth(t *testing.T) truth {
	t.Helper()
	l, err := parseLattice(order, annex)
	if err != nil {
		t.Fatal(err)
	}
	tr := truth{targets: makeTargets(read(t, "Makefile")), packages: map[string]map[string]bool{}, planned: map[string]bool{}}
	for p := range l {
		tr.planned[p] = true
	}
	for _, p := range house(t) {
		names, err := exportedNames(p.Dir)
		if err != nil {
			t.Fatal(err)
		}
		tr.packages[short(p.ImportPath)] = names
	}
	bases := map[string]bool{}
	for _, rel := range sources(t, "") {
		bases[path.Base(rel)] = true
	}
	tr.exists = func(rel string) bool {
		if base, ok := strings.CutPrefix(rel, "**/"); ok {
			return bases[base]
		}
		if strings.Contains(rel, "*") {
			found, err := fs.Glob(os.DirFS(root()), rel)
			return err == nil && len(found) > 0
		}
		_, err := os.Stat(filepath.Join(root(), rel))
		return err == nil
	}
	if tr.packages["cmd/yiwang"] != nil {
		tr.flags = helpOf
	}
	return tr
}

func TestDocumentsNameWhatExists(t *testing.T) {
	tr := houseTruth(t)
	for _, doc := range docs(t) {
		text := read(t, doc)
		for _, m := range mentions(text) {
			if fault := tr.fault(doc, m); fault != "" {
				t.Errorf("%s:%d: %q: %s", doc, m.line, m.text, fault)
			}
		}
		for i, line := range strings.Split(text, "\n") {
			if machinePath.MatchString(line) || registryHost.MatchString(line) {
				t.Errorf("%s:%d: names a machine or a registry: %s", doc, i+1, line)
			}
		}
	}
}

// The test can fail.
func TestDocumentsThatLieAreCaught(t *testing.T) {
	tr := houseTruth(t)
	tr.flags = func(c string) (string, error) {
		if c != "demo" {
			return "", fmt.Errorf("yiwang has no command %s", c)
		}
		return "--listen=ADDR --seed=N", nil
	}
	lies := "[x](nowhere.md) `make coffee` `yiwang fly` `yiwang demo --wings` `city.Unicorn` `city.Actor.Wings` `nopackage.Thing` `internal/nowhere` `nowhere.go` `city/nowhere.go`\n```sh\nsudo reboot\n```\n"
	for _, m := range mentions(lies) {
		if tr.fault("README.md", m) == "" {
			t.Errorf("%q went unseen", m.text)
		}
	}
	truths := "[x](LICENSE) [y](https://example.org) `make test` `yiwang demo --seed 7` `city.Actor` `city.Actor.Holds` `city.Actor.Kind` `internal/arch` `city/actor.go` `actor.go` `text/html` `valid` `/verify` `go-cmp`\n```sh\nmake demo\n```\n"
	for _, m := range mentions(truths) {
		if fault := tr.fault("README.md", m); fault != "" {
			t.Errorf("%q: %s", m.text, fault)
		}
	}
	for _, s := range []string{"see /home/somebody/x", "from /tmp/y", "registry.example"} {
		if !machinePath.MatchString(s) && !registryHost.MatchString(s) {
			t.Errorf("%q went unseen", s)
		}
	}
}

// Both front pages give the same commands, and .ci/run runs what they call the test.
func TestFrontPagesAgree(t *testing.T) {
	var commands [2]string
	for i, doc := range []string{"README.md", "README.zh-CN.md"} {
		var c []string
		for _, m := range mentions(read(t, doc)) {
			if m.kind == "command" {
				c = append(c, m.text)
			}
		}
		commands[i] = strings.Join(c, "\n")
		for _, must := range []string{"make demo", "make test"} {
			if !strings.Contains(commands[i], must) {
				t.Errorf("%s does not give %s", doc, must)
			}
		}
		const picture = "docs/images/home.png"
		if _, err := os.Stat(filepath.Join(root(), picture)); err == nil && !strings.Contains(read(t, doc), picture) {
			t.Errorf("%s does not show %s", doc, picture)
		}
	}
	if commands[0] != commands[1] {
		t.Errorf("the front pages differ in their commands:\n%s\n--\n%s", commands[0], commands[1])
	}
	if !strings.Contains(read(t, ".ci/run"), "make test") {
		t.Error(".ci/run does not run make test")
	}
}

// Every make target that a document may name can be planned by make itself.
func TestMakeTargetsArePlannable(t *testing.T) {
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("make is not installed, so the Makefile can't be tried")
	}
	var targets []string
	for target := range makeTargets(read(t, "Makefile")) {
		targets = append(targets, target)
	}
	sort.Strings(targets)
	for _, target := range targets {
		cmd := exec.Command("make", "-n", target)
		cmd.Dir = root()
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("make -n %s: %v\n%s", target, err, out)
		}
	}
}

// The map of the house shows every room and the same import order as the test.
func TestArchitecturePageIsTheHouse(t *testing.T) {
	page := read(t, "docs/ARCHITECTURE.md")
	if !strings.Contains(page, "```text"+order+"```") {
		t.Error("docs/ARCHITECTURE.md gives another import order than internal/arch")
	}
	for _, p := range house(t) {
		if name := short(p.ImportPath); !strings.Contains(page, "`"+name+"`") {
			t.Errorf("docs/ARCHITECTURE.md does not mention package %s", name)
		}
	}
}

// The identifiers of actions, stages and flags are the glossary's: outside
// readers see them, so each has its words there.
func TestCasesSpeakTheGlossary(t *testing.T) {
	known := map[string]bool{}
	for _, m := range mentions(read(t, "docs/glossary.md")) {
		known[m.text] = true
	}
	check := func(where, id string) {
		if !known[id] {
			t.Errorf("%s: %q has no entry in docs/glossary.md", where, id)
		}
	}
	for _, part := range typedHouse(t).parts {
		if part.path != "casework" {
			continue
		}
		for _, name := range part.pkg.Scope().Names() {
			c, ok := part.pkg.Scope().Lookup(name).(*types.Const)
			if ok && (strings.HasPrefix(name, "Act") || strings.HasPrefix(name, "Flag")) && c.Val().Kind() == constant.String {
				check("casework."+name, constant.StringVal(c.Val()))
			}
		}
	}
	type named struct {
		ID     string
		Action string
	}
	for _, rel := range sources(t, ".yaml") {
		if ok, err := path.Match("cities/*/kinds/*.yaml", rel); err != nil || !ok {
			continue
		}
		var kind struct {
			Results []named
			Stages  []struct {
				ID       string
				Outcomes []named
			}
		}
		if err := yaml.Unmarshal([]byte(read(t, rel)), &kind); err != nil {
			t.Errorf("%s: %v", rel, err)
			continue
		}
		for _, r := range kind.Results {
			check(rel, r.ID)
		}
		for _, s := range kind.Stages {
			check(rel, s.ID)
			for _, o := range s.Outcomes {
				check(rel, o.Action)
			}
		}
	}
}

// Decisions are numbered in the order in which they were made, and each page
// bears its number.
func TestDecisionsAreNumbered(t *testing.T) {
	entries, err := os.ReadDir(filepath.Join(root(), "docs", "adr"))
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range entries {
		if !strings.HasPrefix(e.Name(), fmt.Sprintf("%04d-", i+1)) {
			t.Errorf("docs/adr/%s stands where number %d should", e.Name(), i+1)
		}
		if text := read(t, "docs/adr/"+e.Name()); !strings.HasPrefix(text, fmt.Sprintf("# %d. ", i+1)) {
			t.Errorf("docs/adr/%s does not begin with its number and title", e.Name())
		}
	}
}
