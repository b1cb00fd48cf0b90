package main

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"yiwang/app"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
	"yiwang/internal/story"
)

// Two processes serve one city over one PostgreSQL database and one data folder.
// Reports go to both, some to both at once; their timers and followers share the
// work. One is killed in the midst; the other goes on alone, and what got no
// answer is sent to that one. Nothing is lost and nothing happened twice.
func TestTwoProcessesOnOneDatabase(t *testing.T) {
	data, database := t.TempDir(), dbtest.MigratedURL(t)
	node := func() *reporting {
		p := story.Program{Args: []string{"serve", "--city", filepath.Join("..", "..", "cities", "jianghai"), "--database", database, "--proxy", "127.0.0.1/32", "--proxy", "::1/128"}, Data: data}
		return &reporting{burst: &burst{T: t, data: data, database: database, p: p.Start(t)}, sent: map[string]*sent{}}
	}
	one, two := node(), node()
	var dead atomic.Bool
	var all sync.WaitGroup
	two.elsewhere(func(ctx context.Context, a *app.App) {
		for who := range reporters {
			all.Add(1)
			go func() {
				defer all.Done()
				for i := 0; i < 1000 && !dead.Load(); i++ {
					key, s := fmt.Sprintf("reporter %d, report %d", who, i), two.write(i, false)
					switch here, there := (who+i)%2 == 0, i%7 == 0; {
					case there: // the same report reaches both at once
						both(key, s, one, two)
					case here:
						one.report(key, s)
					default:
						two.report(key, s)
					}
					time.Sleep(60 * time.Millisecond)
				}
			}()
		}
		// both timers find more than either works off before the other looks
		two.lateness(ctx, a, "both", 300)
		for end := time.Now().Add(2 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
			if left := two.ringing(ctx, a); left < 150 {
				break
			} else if time.Now().After(end) {
				t.Errorf("the timers have %d cases before them still", left)
				break
			}
		}
		one.p.Kill()
		dead.Store(true)
		two.lateness(ctx, a, "alone", 50)
	})
	all.Wait()
	two.acknowledged += one.acknowledged
	maps.Copy(two.sent, one.sent)
	for key, s := range two.sent {
		if s.number == "" {
			two.unanswered++
			two.again(key, s)
		}
	}
	two.elsewhere(func(ctx context.Context, a *app.App) { two.look(ctx, a, 0) })
	one.p.Restart()
	two.elsewhere(func(ctx context.Context, a *app.App) {
		two.look(ctx, a, 1)
		messages(ctx, t, a, filepath.Join(data, "spool", "sms"), len(two.sent))
	})
	for _, n := range []*reporting{one, two} {
		if err := n.p.Stop(); err != nil {
			t.Error(err)
		}
	}
	two.fromZero()
	t.Logf("%d reports, %d acknowledged, %d sent again to the other; %d matters escalated by two timers; nothing lost, nothing twice",
		len(two.sent), two.acknowledged, two.unanswered, len(two.late))
}

// both sends one report to two processes at the same time: it is one.
func both(key string, s *sent, one, two *reporting) {
	var number, code string
	var done sync.WaitGroup
	done.Go(func() {
		_, n, c, _ := one.send(key, s)
		number, code = string(n), c
	})
	two.report(key, s)
	done.Wait()
	if number != "" && (city.CaseNumber(number) != s.number || code != s.code) {
		two.Errorf("%s is %s by one process and %s by the other", key, number, s.number)
	}
}

// messages checks that what was to be sent was sent, each message once.
func messages(ctx context.Context, t *testing.T, a *app.App, spool string, least int) {
	t.Helper()
	var sentOnes, waiting, held int
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		err := a.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
			if waiting, err = db.One[int](ctx, tx, `SELECT COUNT(*) FROM notice_messages WHERE state = 'waiting' AND next_at <= $1`, city.Micros(time.Now())); err != nil {
				return err
			}
			if held, err = db.One[int](ctx, tx, `SELECT COUNT(*) FROM notice_messages WHERE state = 'waiting' AND next_at > $1`, city.Micros(time.Now())); err != nil {
				return err
			}
			sentOnes, err = db.One[int](ctx, tx, `SELECT COUNT(*) FROM notice_messages WHERE state = 'sent'`)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if waiting == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%d messages wait", waiting)
		}
	}
	files, err := filepath.Glob(filepath.Join(spool, "*", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	// what a process held when it was killed is sent when its claim has run out
	if len(files) < sentOnes || sentOnes+held < least || held > 10 {
		t.Errorf("%d messages count as sent, %d are held by who is gone, %d lie in the spool, of %d reports", sentOnes, held, len(files), least)
	}
}
