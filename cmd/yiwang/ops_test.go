package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"yiwang/app"
	"yiwang/city"
	"yiwang/demo"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
	"yiwang/internal/story"
	"yiwang/journal"
)

const jianghai = "../../cities/jianghai"

type said struct {
	code     int
	out, err string
}

func yiwang(t *testing.T, args ...string) said {
	t.Helper()
	var out, errs bytes.Buffer
	code := run(context.Background(), args, &out, &errs, func(string) string { return "" })
	return said{code, out.String(), errs.String()}
}

// good runs a command that must succeed.
func good(t *testing.T, args ...string) string {
	t.Helper()
	s := yiwang(t, args...)
	if s.code != 0 {
		t.Fatalf("yiwang %s: exit %d: %s%s", strings.Join(args, " "), s.code, s.out, s.err)
	}
	return s.out
}

// refused runs a command that must end with one line and exit code 2.
func refused(t *testing.T, line string, args ...string) {
	t.Helper()
	s := yiwang(t, args...)
	if s.code != exitUsage || strings.Count(s.err, "\n") != 1 || !strings.Contains(s.err, line) {
		t.Errorf("yiwang %s: exit %d, said %q, want %q", strings.Join(args, " "), s.code, s.err, line)
	}
}

func into(t *testing.T, text string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// settle makes a city with the people of the sign-ins and one application.
func settle(t *testing.T, data, database string) {
	t.Helper()
	ctx := context.Background()
	a, err := app.New(ctx, app.Options{City: jianghai, Data: data, Database: database, Demo: true, Since: demo.Began(time.Now()).AddDate(0, 0, -1)})
	ok(t, err)
	defer func() { ok(t, a.Stop()) }()
	_, err = (&demoCmd{Seed: 1}).cast(ctx, a)
	ok(t, err)
	ok(t, a.Start(ctx))
	srv := httptest.NewServer(a.Handler())
	defer srv.Close()
	call := func(method, path, token string, in, out any) {
		t.Helper()
		body, _ := json.Marshal(in)
		req, _ := http.NewRequest(method, srv.URL+path, bytes.NewReader(body))
		req.Header.Set("Content-Type", "application/json")
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		resp, err := http.DefaultClient.Do(req)
		ok(t, err)
		defer resp.Body.Close()
		raw, err := io.ReadAll(resp.Body)
		ok(t, err)
		if resp.StatusCode > 299 {
			t.Fatalf("%s %s: %s: %s", method, path, resp.Status, raw)
		}
		into(t, string(raw), out)
	}
	var s struct{ Token string }
	call("POST", "/api/v1/sessions", "", map[string]string{"login": "resident", "password": "demo"}, &s)
	var item struct{ Example json.RawMessage }
	call("GET", "/api/v1/items/senior-allowance", "", nil, &item)
	var c struct{ Number, Status string }
	call("POST", "/api/v1/applications", s.Token, item.Example, &c)
	for range 3000 {
		if c.Status == "closed" {
			break
		}
		time.Sleep(20 * time.Millisecond)
		call("GET", "/api/v1/cases/"+c.Number, s.Token, nil, &c)
	}
	ok(t, a.Journal.CatchUp(ctx))
}

// settled gives a fresh copy of one city on SQLite, kept in memory.
var (
	settleOnce sync.Once
	settledFS  = fstest.MapFS{}
)

func settled(t *testing.T) string {
	t.Helper()
	settleOnce.Do(func() {
		dir := t.TempDir()
		settle(t, dir, "")
		ok(t, fs.WalkDir(os.DirFS(dir), ".", func(name string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			raw, err := os.ReadFile(filepath.Join(dir, name))
			settledFS[name] = &fstest.MapFile{Data: raw, Mode: 0o600}
			return err
		}))
	})
	if len(settledFS) == 0 {
		t.Fatal("the city could not be made")
	}
	data := filepath.Join(t.TempDir(), "data")
	ok(t, os.CopyFS(data, settledFS))
	ok(t, filepath.WalkDir(data, func(name string, e os.DirEntry, err error) error { // CopyFS is generous with permissions
		if err == nil && e.IsDir() {
			return os.Chmod(name, 0o700)
		}
		return os.Chmod(name, 0o600)
	}))
	ok(t, os.MkdirAll(filepath.Join(data, "blobs"), 0o700))
	return data
}

type doctorSays struct {
	Status string
	Checks []struct{ Check, Status, Text string }
}

func (d doctorSays) of(check string) string {
	for _, c := range d.Checks {
		if c.Check == check {
			return c.Status
		}
	}
	return ""
}

func doctor(t *testing.T, args ...string) (d doctorSays) {
	t.Helper()
	s := yiwang(t, append([]string{"doctor", "--json"}, args...)...)
	into(t, s.out, &d)
	if (d.Status == "fail") != (s.code == exitFound) {
		t.Errorf("status %s, exit %d", d.Status, s.code)
	}
	return d
}

// A backup made on either engine is restored on either engine; every check is
// fine afterwards, followers go on where they were, and new events lie behind all
// old ones.
func TestBackupAndRestore(t *testing.T) {
	places := map[string]func(t *testing.T) []string{
		"sqlite":   func(t *testing.T) []string { return nil },
		"postgres": func(t *testing.T) []string { return []string{"--database", dbtest.PostgresURL(t)} },
	}
	for _, from := range []string{"sqlite", "postgres"} {
		t.Run(from, func(t *testing.T) {
			source := append([]string{"--data", ""}, places[from](t)...)
			if from == "sqlite" {
				source[1] = settled(t)
			} else {
				source[1] = t.TempDir()
				settle(t, source[1], source[3])
			}
			blob := filepath.Join(source[1], "blobs", "ab", "cd")
			ok(t, os.MkdirAll(blob, 0o700))
			ok(t, os.WriteFile(filepath.Join(blob, "paper"), []byte("sealed"), 0o600))
			file := filepath.Join(t.TempDir(), "city.backup")
			if out := good(t, append([]string{"backup", file}, source...)...); !strings.Contains(out, "rows") {
				t.Errorf("said %q", out)
			}
			if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("the file has mode %v %v", info.Mode(), err)
			}
			refused(t, "is there already", append([]string{"backup", file}, source...)...)
			for _, to := range []string{"sqlite", "postgres"} {
				t.Run(to, func(t *testing.T) {
					target := append([]string{"--data", filepath.Join(t.TempDir(), "new")}, places[to](t)...)
					good(t, append([]string{"restore", file}, target...)...)
					d := doctor(t, append([]string{"--city", jianghai}, target...)...)
					for _, check := range []string{"pack", "folder", "database", "master_key", "signing_keys", "clock", "cases", "follower.notify"} {
						if d.of(check) != "ok" {
							t.Errorf("%s: %+v", check, d)
						}
					}
					if d.of("follower.search") != "ok" && d.of("follower.search") != "warn" {
						t.Errorf("search: %+v", d)
					}
					if got, err := os.ReadFile(filepath.Join(target[1], "blobs/ab/cd/paper")); err != nil || string(got) != "sealed" {
						t.Errorf("the upload: %q %v", got, err)
					}
					refused(t, "is not empty", append([]string{"restore", file}, target...)...)
					goesOn(t, target)
				})
			}
		})
	}
}

// goesOn runs the restored city: somebody signs in, and followers catch up.
func goesOn(t *testing.T, target []string) {
	t.Helper()
	ctx := context.Background()
	o := app.Options{City: jianghai, Data: target[1], Demo: true}
	if len(target) > 2 {
		o.Database = target[3]
	}
	a, err := app.New(ctx, o)
	ok(t, err)
	defer func() { ok(t, a.Stop()) }()
	var before, after journal.Position
	last := func(p *journal.Position) {
		ok(t, a.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
			all, err := a.Journal.Read(ctx, tx, journal.Position{}, 1<<20)
			if len(all) == 0 {
				t.Fatal("no events")
			}
			*p = all[len(all)-1].Position
			return err
		}))
	}
	last(&before)
	_, err = a.UserCode(ctx, "resident")
	ok(t, err)
	last(&after)
	if !before.Before(after) {
		t.Errorf("the new event stands at %v, the old ones end at %v", after, before)
	}
	ok(t, a.Journal.CatchUp(ctx))
	states, err := a.Journal.Followers(ctx)
	ok(t, err)
	for _, s := range states {
		if s.Position != after || s.Failures > 0 {
			t.Errorf("%s stands at %v, want %v: %s", s.Name, s.Position, after, s.Fault)
		}
	}
}

// A backup made while the city is at work is of one moment, and disturbs nobody.
func TestBackupBesideServing(t *testing.T) {
	data, ctx := settled(t), context.Background()
	a, err := app.New(ctx, app.Options{City: jianghai, Data: data, Demo: true})
	ok(t, err)
	defer func() { ok(t, a.Stop()) }()
	ok(t, a.Start(ctx))
	stop, stopped := make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			select {
			case <-stop:
				stopped <- nil
				return
			case <-time.After(5 * time.Millisecond):
			}
			if _, err := a.UserCode(ctx, "resident"); err != nil {
				stopped <- err
				return
			}
		}
	}()
	dir := t.TempDir()
	for _, name := range []string{"1", "2"} {
		good(t, "backup", filepath.Join(dir, name), "--data", data)
		good(t, "user", "code", "elder", "--data", data)
	}
	close(stop)
	ok(t, <-stopped)
	good(t, "restore", filepath.Join(dir, "2"), "--data", filepath.Join(dir, "new"))
	if d := doctor(t, "--data", filepath.Join(dir, "new"), "--city", jianghai); d.Status == "fail" {
		t.Errorf("%+v", d)
	}
}

// rewrite makes another archive of a backup.
func rewrite(t *testing.T, from, to string, change func(h *tar.Header, body []byte) []byte) {
	t.Helper()
	in, err := os.Open(from)
	ok(t, err)
	defer in.Close()
	zr, err := gzip.NewReader(in)
	ok(t, err)
	var out bytes.Buffer
	zw := gzip.NewWriter(&out)
	tr, tw := tar.NewReader(zr), tar.NewWriter(zw)
	for {
		h, err := tr.Next()
		if err == io.EOF {
			break
		}
		ok(t, err)
		body, err := io.ReadAll(tr)
		ok(t, err)
		if body = change(h, body); body == nil {
			continue
		}
		h.Size = int64(len(body))
		ok(t, tw.WriteHeader(h))
		_, err = tw.Write(body)
		ok(t, err)
	}
	ok(t, tw.Close())
	ok(t, zw.Close())
	ok(t, os.WriteFile(to, out.Bytes(), 0o600))
}

func TestRestoreRefusesDamage(t *testing.T) {
	dir := t.TempDir()
	file, bad, data := filepath.Join(dir, "good"), filepath.Join(dir, "bad"), filepath.Join(dir, "new")
	good(t, "backup", file, "--data", settled(t))
	raw, err := os.ReadFile(file)
	ok(t, err)
	keep := func(h *tar.Header, b []byte) []byte { return b }
	for name, make := range map[string]func(){
		"another letter": func() {
			rewrite(t, file, bad, func(h *tar.Header, b []byte) []byte {
				if strings.HasPrefix(h.Name, "db/journal/") {
					b[len(b)/2] ^= 1
				}
				return b
			})
		},
		"an entry less": func() {
			rewrite(t, file, bad, func(h *tar.Header, b []byte) []byte {
				if strings.HasSuffix(h.Name, "master.key") {
					return nil
				}
				return b
			})
		},
		"an entry renamed": func() {
			rewrite(t, file, bad, func(h *tar.Header, b []byte) []byte {
				h.Name = strings.Replace(h.Name, "files/keys/", "files/keys/../../", 1)
				return b
			})
		},
		"no manifest": func() {
			rewrite(t, file, bad, func(h *tar.Header, b []byte) []byte {
				if h.Name == "manifest.json" {
					return nil
				}
				return b
			})
		},
		"cut short":    func() { ok(t, os.WriteFile(bad, raw[:len(raw)*2/3], 0o600)) },
		"a bit turned": func() { b := bytes.Clone(raw); b[len(b)/2] ^= 4; ok(t, os.WriteFile(bad, b, 0o600)) },
	} {
		t.Run(name, func(t *testing.T) {
			make()
			refused(t, "Nothing was restored", "restore", bad, "--data", data)
			if _, err := os.Stat(data); !os.IsNotExist(err) {
				t.Error("something was written")
			}
		})
	}
	rewrite(t, file, bad, keep)
	good(t, "restore", bad, "--data", data)
	ok(t, os.WriteFile(bad, []byte("no gzip at all"), 0o600))
	refused(t, "is no backup", "restore", bad, "--data", filepath.Join(dir, "other"))
	refused(t, "can't be read", "restore", filepath.Join(dir, "none"), "--data", filepath.Join(dir, "other"))
}

// A backup is a file from outside: what it says of tables becomes part of no query,
// however right its digests are.
func TestRestoreRefusesForgedTables(t *testing.T) {
	dir := t.TempDir()
	file, bad := filepath.Join(dir, "good"), filepath.Join(dir, "bad")
	good(t, "backup", file, "--data", settled(t))
	for name, forge := range map[string]func(t *db.Table){
		"a query for a table":    func(t *db.Table) { t.Name = "cases SELECT * FROM journal --" },
		"a query for a column":   func(t *db.Table) { t.Columns[0].Name = "id) SELECT randomblob(1000000000) --" },
		"the schema's own table": func(t *db.Table) { t.Name = "sqlite_master" },
		"the migrations' table":  func(t *db.Table) { t.Name = "goose_db_version" },
		"a follower's table":     func(t *db.Table) { t.Name = "search_entries" },
		"another type":           func(t *db.Table) { t.Columns[0].Type = db.Words },
	} {
		t.Run(name, func(t *testing.T) {
			was, forged := "cases", db.Table{Name: "cases", Columns: []db.Column{{}}}
			forge(&forged)
			sum := sha256.New()
			rewrite(t, file, bad, func(h *tar.Header, body []byte) []byte {
				if strings.HasPrefix(h.Name, "db/"+was+"/") {
					h.Name = strings.Replace(h.Name, was, forged.Name, 1)
					fmt.Fprintf(sum, "%s\n%d\n%s", h.Name, len(body), body)
				}
				if h.Name != "manifest.json" {
					return body
				}
				var m app.Manifest
				into(t, string(body), &m)
				for i := range m.Tables {
					if m.Tables[i].Name == was {
						forge(&m.Tables[i])
					}
				}
				for i := range m.Parts {
					if m.Parts[i].Name == "db/"+was {
						m.Parts[i].Name, m.Parts[i].SHA256 = "db/"+forged.Name, hex.EncodeToString(sum.Sum(nil))
					}
				}
				raw, err := json.Marshal(m)
				ok(t, err)
				return raw
			})
			data := filepath.Join(dir, "new")
			refused(t, "Nothing was restored", "restore", bad, "--data", data)
			if _, err := os.Stat(data); !os.IsNotExist(err) {
				t.Error("something was written")
			}
		})
	}
}

// Whoever kills the program in the middle of a backup finds no file of that name.
func TestKilledBackup(t *testing.T) {
	data := settled(t)
	f, err := os.Create(filepath.Join(data, "blobs", "large"))
	ok(t, err)
	ok(t, f.Truncate(4<<30)) // takes long enough, and no room
	ok(t, f.Close())
	dir := t.TempDir()
	file := filepath.Join(dir, "city.backup")
	cmd := exec.Command(story.Build(t, "./cmd/yiwang"), "backup", file, "--data", data)
	ok(t, cmd.Start())
	started := func() bool {
		parts, _ := filepath.Glob(filepath.Join(dir, ".city.backup.part-*"))
		for _, p := range parts {
			if info, err := os.Stat(p); err == nil && info.Size() > 0 {
				return true
			}
		}
		return false
	}
	for i := 0; !started(); i++ {
		if i > 1500 {
			t.Fatal("the backup did not begin")
		}
		time.Sleep(20 * time.Millisecond)
	}
	ok(t, cmd.Process.Kill())
	if err := cmd.Wait(); err == nil {
		t.Fatal("it was over before it could be killed")
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Fatal("half a backup bears the name of a whole one")
	}
	ok(t, os.Remove(filepath.Join(data, "blobs", "large")))
	good(t, "backup", file, "--data", data)
}

// A context that ends in the middle of a restore leaves nothing.
func TestInterruptedRestore(t *testing.T) {
	dir := t.TempDir()
	file, data := filepath.Join(dir, "city.backup"), filepath.Join(dir, "new")
	good(t, "backup", file, "--data", settled(t))
	ctx, cancel := context.WithCancel(context.Background())
	_, err := app.Restore(ctx, file, app.Place{Data: data}, func(done, total int64) {
		if done > total*3/4 {
			cancel()
		}
	})
	if err == nil {
		t.Fatal("it went on")
	}
	if _, err := os.Stat(data); !os.IsNotExist(err) {
		t.Error("something was left behind")
	}
}

func TestDoctor(t *testing.T) {
	data := settled(t)
	d := doctor(t, "--data", data) // the city is the one served last
	if d.Status == "fail" || d.of("pack") != "ok" || d.of("cases") != "ok" || d.of("follower.search") != "ok" {
		t.Errorf("%+v", d)
	}
	s := yiwang(t, "doctor", "--data", data)
	if n := strings.Count(s.out, "\n"); n != len(d.Checks) || s.code != 0 {
		t.Errorf("%d lines for %d checks, exit %d", n, len(d.Checks), s.code)
	}
	ok(t, os.Chmod(filepath.Join(data, "keys", "master.key"), 0o644))
	if d := doctor(t, "--data", data); d.of("folder") != "fail" || d.of("master_key") != "fail" {
		t.Errorf("others can read the key: %+v", d)
	}
	ok(t, os.WriteFile(filepath.Join(data, "keys", "master.key"), bytes.Repeat([]byte{1}, 32), 0o600))
	ok(t, os.Chmod(filepath.Join(data, "keys", "master.key"), 0o600))
	ok(t, os.RemoveAll(filepath.Join(data, "keys", "licences")))
	if d := doctor(t, "--data", data); d.of("master_key") != "fail" || d.of("signing_keys") != "fail" || d.of("folder") != "ok" {
		t.Errorf("another key: %+v", d)
	}
	d1, err := db.Open(context.Background(), "sqlite:"+filepath.Join(data, "city.db"), db.Options{})
	ok(t, err)
	ok(t, d1.Update(context.Background(), func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE cases SET state = replace(state, '"result":"approved"', '"result":"refused"')`)
		if err == nil {
			_, err = tx.Exec(ctx, `UPDATE followers SET failures = $1, fault = $2 WHERE name = $3`, 9, "no room", "notify")
		}
		return err
	}))
	ok(t, d1.Close())
	if d := doctor(t, "--data", data); d.of("cases") != "fail" || d.of("follower.notify") != "fail" {
		t.Errorf("a state was changed by hand: %+v", d)
	}
	none := filepath.Join(t.TempDir(), "none")
	if d := doctor(t, "--data", none); d.of("database") != "fail" {
		t.Errorf("%+v", d)
	}
	if _, err := os.Stat(none); !os.IsNotExist(err) {
		t.Error("looking made a folder")
	}
}

func TestMigrate(t *testing.T) {
	data := t.TempDir()
	none := filepath.Join(data, "none")
	for _, command := range []string{"migrate", "backup " + filepath.Join(data, "b"), "user lock x --city " + jianghai, "token list x --city " + jianghai} {
		refused(t, "There is no city here", append(strings.Fields(command), "--data", none)...)
	}
	d, err := db.Open(context.Background(), "sqlite:"+filepath.Join(data, "city.db"), db.Options{})
	ok(t, err)
	ok(t, d.MigrateTo(context.Background(), 1))
	ok(t, d.Close())
	refused(t, "run yiwang migrate", "user", "lock", "x", "--data", data, "--city", jianghai)
	var m struct{ From, To int64 }
	into(t, good(t, "migrate", "--json", "--data", data), &m)
	if m.From != 1 || m.To != db.Newest() {
		t.Errorf("%+v", m)
	}
	if out := good(t, "migrate", "--data", data); !strings.Contains(out, "nothing had to change") {
		t.Error(out)
	}
}

func TestUsersAndTokens(t *testing.T) {
	data := settled(t)
	number := "990101198803150018"
	if _, err := city.CheckCitizenNumber(number); err != nil {
		number = valid(t, number[:17])
	}
	refused(t, "is not in the register", "user", "add", "newcomer", "--number", number, "--data", data)
	refused(t, "", "user", "add", "newcomer", "--number", "123", "--data", data)
	out := good(t, "user", "add", "newcomer", "--number", number, "--name", "陈新", "--post", "civil-affairs.clerk", "--data", data)
	if !regexp.MustCompile(`code of newcomer: \S+\.`).MatchString(out) {
		t.Errorf("said %q", out)
	}
	refused(t, "", "user", "add", "newcomer", "--number", number, "--post", "civil-affairs.clerk", "--data", data)
	var c struct {
		Login, Kind, Code string
		Until             time.Time
	}
	into(t, good(t, "user", "code", "newcomer", "--json", "--data", data), &c)
	if c.Kind != "officer" || c.Code == "" || !c.Until.After(time.Now()) {
		t.Errorf("%+v", c)
	}
	good(t, "user", "lock", "newcomer", "--data", data)
	refused(t, "", "user", "code", "newcomer", "--data", data)
	good(t, "user", "unlock", "newcomer", "--data", data)
	refused(t, "", "user", "lock", "nobody-here", "--data", data)

	var made struct{ ID, Secret string }
	into(t, good(t, "token", "create", "resident", "--name", "script", "--scope", "case.read", "--json", "--data", data), &made)
	if made.Secret == "" {
		t.Error("no secret")
	}
	var list struct{ Items []struct{ ID, Secret string } }
	into(t, good(t, "token", "list", "resident", "--json", "--data", data), &list)
	if len(list.Items) != 1 || list.Items[0].ID != made.ID || list.Items[0].Secret != "" {
		t.Errorf("%+v", list)
	}
	good(t, "token", "end", "resident", made.ID, "--data", data)
	refused(t, "", "token", "end", "resident", made.ID, "--data", data)
	refused(t, "", "token", "end", "resident", "no-id", "--data", data)
	if s := yiwang(t, "token", "create", "resident", "--name", "x", "--scope", "UPPER", "--data", data); s.code != exitUsage {
		t.Errorf("%+v", s)
	}
}

// valid completes a citizen number with its check digit.
func valid(t *testing.T, first17 string) string {
	t.Helper()
	for _, d := range "0123456789X" {
		if _, err := city.CheckCitizenNumber(first17 + string(d)); err == nil {
			return first17 + string(d)
		}
	}
	t.Fatal("no check digit fits")
	return ""
}

func TestImportRegister(t *testing.T) {
	data := settled(t)
	dir := t.TempDir()
	people := filepath.Join(dir, "people.csv")
	one, two := valid(t, "99010119600101001"), valid(t, "99010119610202002")
	ok(t, os.WriteFile(people, []byte("公民身份号码,姓名,region\n"+one+",王一,990101001001\n"+two+",李二,\n=cmd|'/c calc'!A0,无名,\n"), 0o600))
	var r app.Imported
	into(t, good(t, "import", "people", people, "--map", "citizen_number=公民身份号码", "--json", "--data", data), &r)
	if r.Read != 3 || r.Added != 2 || r.Rejected != 1 || r.Rejects == "" {
		t.Fatalf("%+v", r)
	}
	rejects, err := os.ReadFile(r.Rejects)
	ok(t, err)
	if !strings.Contains(string(rejects), "4,") || !strings.Contains(string(rejects), "无名") || !strings.Contains(string(rejects), ",'=cmd|") {
		t.Errorf("the reject file says %s", rejects)
	}
	if info, err := os.Stat(r.Rejects); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the reject file: %v %v", info.Mode(), err)
	}
	if out := good(t, "import", "people", people, "--map", "citizen_number=公民身份号码", "--data", data); !strings.Contains(out, "2 the same") {
		t.Error(out)
	}
	firms := filepath.Join(dir, "firms.csv")
	ok(t, os.WriteFile(firms, []byte("uscc,name\nnonsense,甲\n"), 0o600))
	refused(t, "could be taken", "import", "firms", firms, "--data", data)
	refused(t, "can't be read", "import", "firms", filepath.Join(dir, "none.csv"), "--data", data)
	refused(t, "--city", "import", "items", firms)
	if s := yiwang(t, "import", "ships", firms); s.code != exitUsage {
		t.Errorf("%+v", s)
	}
}
