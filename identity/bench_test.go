package identity_test

import (
	"testing"

	"yiwang/city"
	"yiwang/internal/db/dbtest"
)

// Each request asks who it comes from.
func BenchmarkActor(b *testing.B) {
	w := newTown(b, dbtest.SQLite(b))
	w.account(city.Resident, w.person("林晓梅"), "lin")
	wang := w.person("王建国")
	w.account(city.Officer, wang, "wang")
	w.appoint(wang, "haitang-street.clerk")
	for _, login := range []string{"lin", "wang"} {
		token, _ := w.signIn(login)
		b.Run(login, func(b *testing.B) {
			for b.Loop() {
				if _, err := w.known(token); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
