// Command yiwang runs a city's public life from one folder and one database.
// This file and its neighbours hold flags and help only.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"yiwang/city"
)

// commands is the whole surface of the command line (docs/ARCHITECTURE.md).
type commands struct {
	Demo   demoCmd   `cmd:"" help:"A living made-up city on this machine; prints addresses and sign-ins."`
	Serve  serveCmd  `cmd:"" help:"Run a city."`
	Check  checkCmd  `cmd:"" help:"Check a city pack: every fault with file and line."`
	Import importCmd `cmd:"" help:"Import service items into a pack; people, firms, incidents or registers of goods and vehicles into a city."`
	Verify verifyCmd `cmd:"" help:"Check a licence's code or number, offline."`
	Track  trackCmd  `cmd:"" help:"What tracks of vehicles say, from files."`

	Backup  backupCmd  `cmd:"" help:"Write a whole city into one file, also while it is served."`
	Restore restoreCmd `cmd:"" help:"Bring a backup to a place where no city is."`
	Migrate migrateCmd `cmd:"" help:"Bring the database to this program's version."`
	Doctor  doctorCmd  `cmd:"" help:"Look whether a city is well; exit 1 when something fails."`
	User    userCmd    `cmd:"" help:"Accounts: add, lock, unlock, code."`
	Token   tokenCmd   `cmd:"" help:"Tokens for programs: create, list, end."`
	Trust   trustCmd   `cmd:"" help:"Whose licences the city believes: show, meet, import, refresh, drop, history, export."`
	Key     keyCmd     `cmd:"" help:"Keys that sign licences: show, change."`

	Log logCmd `cmd:"" help:"The public log: forgery shows how a lie is caught."`

	JT808 jt808Cmd `cmd:"" name:"jt808" help:"What vehicles' terminals say: decode."`

	Bench benchCmd `cmd:"" help:"Run the program's own benchmarks."`
}

// env is what every command gets: where to read and write, and the reader's language.
type env struct {
	ctx      context.Context
	in       io.Reader
	out, err io.Writer
	lang     city.Lang
	terminal bool // err is a person's terminal: progress makes sense
}

func (e *env) say(key string, args ...any) { fmt.Fprintln(e.out, city.Say(e.lang, key, args...)) }

func (e *env) line(format string, args ...any) { fmt.Fprintf(e.out, format+"\n", args...) }

// json prints one object for programs.
func (e *env) json(v any) error {
	enc := json.NewEncoder(e.out)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// percent draws a bar for work of which only the share is worth telling.
func (e *env) percent(what string) func(done, total int64) {
	if !e.terminal {
		return nil
	}
	last := -1
	return func(done, total int64) {
		now := 100
		if total > 0 {
			now = int(min(done*100/total, 100))
		}
		if now != last {
			last = now
			fmt.Fprintf(e.err, "\r%s %s%%", what, strings.TrimSuffix(bar(now, 100), "/100 "))
			if now == 100 {
				fmt.Fprintln(e.err)
			}
		}
	}
}

// Exit codes: usage and input that can't be read are 2; a check that found
// something is 1.
const (
	exitFound = 1
	exitUsage = 2
)

// exit is an error that carries its exit code; its text was already printed when
// it is empty.
type exit struct {
	code int
	text string
}

func (e exit) Error() string { return e.text }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr, os.Getenv))
}

func run(ctx context.Context, args []string, out, errs io.Writer, getenv func(string) string) int {
	e := &env{ctx: ctx, in: os.Stdin, out: out, err: errs, lang: language(getenv)}
	if f, ok := errs.(*os.File); ok {
		if info, err := f.Stat(); err == nil {
			e.terminal = info.Mode()&os.ModeCharDevice != 0
		}
	}
	var c commands
	code := 0
	parser, err := kong.New(&c, kong.Name("yiwang"), kong.Description("A city's public life in one program."),
		kong.Writers(out, errs), kong.Exit(func(n int) { code = n; panic(stopped{}) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}), kong.UsageOnError())
	if err != nil {
		panic(err)
	}
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(stopped); !ok {
				panic(r)
			}
		}
	}()
	if len(args) == 0 {
		args = []string{"--help"}
	}
	k, err := func() (k *kong.Context, err error) {
		defer func() {
			if r := recover(); r != nil {
				if _, ok := r.(stopped); !ok {
					panic(r)
				}
			}
		}()
		return parser.Parse(args)
	}()
	if k == nil && err == nil {
		return code // help was asked for
	}
	if err != nil {
		fmt.Fprintln(errs, "yiwang: "+err.Error())
		return exitUsage
	}
	return e.report(k.Run(e))
}

type stopped struct{}

// report prints the error of a command in one line and gives its exit code.
func (e *env) report(err error) int {
	if err == nil {
		return 0
	}
	var x exit
	if errors.As(err, &x) {
		if x.text != "" {
			fmt.Fprintln(e.err, x.text)
		}
		return x.code
	}
	var known *city.Error
	if errors.As(err, &known) {
		fmt.Fprintln(e.err, known.Message.In(e.lang))
		for _, f := range known.Fields {
			fmt.Fprintf(e.err, "  %s: %s\n", f.Name, f.Message.In(e.lang))
		}
		return exitUsage
	}
	fmt.Fprintln(e.err, "yiwang: "+err.Error())
	return exitUsage
}

func language(getenv func(string) string) city.Lang {
	for _, name := range []string{"YIWANG_LANG", "LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := getenv(name); v != "" && v != "C" && v != "POSIX" && !strings.HasPrefix(v, "C.") {
			return city.LangOf(strings.ReplaceAll(v, "_", "-"))
		}
	}
	return city.English
}
