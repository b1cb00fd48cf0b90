package history

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"yiwang/city"
)

const childEnv = "YIWANG_HISTORY_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		child(dir, os.Getenv(childEnv+"_ROUND"))
		return
	}
	os.Exit(m.Run())
}

// child appends from many sides and settles meanwhile, until it is killed. It says
// "vehicle count" after each answer, and a line is out before the next append.
func child(dir, round string) {
	clock := city.NewSetClock(noon.Add(48 * time.Hour)) // the positions' day is over, so that it is merged
	l, err := Open(dir, Options{Clock: clock, Bytes: 4000})
	if err != nil {
		fmt.Println("open", err)
		os.Exit(1)
	}
	for w := range 8 {
		go func() {
			vehicle := fmt.Sprintf("%s-%d", round, w)
			for n := int64(0); ; n += 3 {
				ps := []Position{fix(vehicle, n*second), fix(vehicle, (n+1)*second), fix(vehicle, (n+2)*second)}
				if err := l.Append(context.Background(), ps); err != nil {
					fmt.Println("append", err)
					os.Exit(1)
				}
				fmt.Printf("%s %d\n", vehicle, n+3)
			}
		}()
	}
	for {
		if _, err := l.Settle(context.Background()); err != nil {
			fmt.Println("settle", err)
			os.Exit(1)
		}
	}
}

// The program is killed while it appends, settles and merges, time after time on
// the same folder. What was acknowledged is there, once and in order.
func TestKill(t *testing.T) {
	rounds := 5
	if os.Getenv("YIWANG_SOAK") == "1" {
		rounds = 50
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	acknowledged := map[string]int{}
	for round := range rounds {
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), childEnv+"="+dir, fmt.Sprintf("%s_ROUND=%d", childEnv, round))
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		enough, lines := 20+rand.N(200), 0
		for said := bufio.NewScanner(out); said.Scan(); {
			var vehicle string
			var n int
			if _, err := fmt.Sscanf(said.Text(), "%s %d", &vehicle, &n); err != nil {
				cmd.Process.Kill()
				t.Fatalf("the child said %q", said.Text())
			}
			acknowledged[vehicle] = max(acknowledged[vehicle], n)
			if lines++; lines == enough {
				if err := cmd.Process.Kill(); err != nil { // what it said until then is still read
					t.Fatal(err)
				}
			}
		}
		if err := cmd.Wait(); err == nil || lines < enough {
			t.Fatalf("the child ended by itself after %d lines: %v", lines, err)
		}
		clock := city.NewSetClock(noon.Add(48 * time.Hour))
		l, err := Open(dir, Options{Clock: clock})
		if err != nil {
			t.Fatal(err)
		}
		torn := int64(0)
		if round%2 == 1 { // each second time the next child finds what this one left
			torn = settle(t, l).Torn
		}
		total := 0
		for vehicle, n := range acknowledged {
			got := track(t, l, vehicle, 0, 24*hour)
			if len(got) < n {
				t.Errorf("round %d: %s has %d positions of %d acknowledged", round, vehicle, len(got), n)
			}
			for i, p := range got {
				if p != fix(vehicle, int64(i)*second) {
					t.Fatalf("round %d: position %d of %s is %+v", round, i, vehicle, p)
				}
			}
			total += n
		}
		l.Close()
		t.Logf("round %d: %d acknowledged in all, %d bytes torn", round, total, torn)
	}
}
