package citizen

import "testing"

func TestFormOfAStatusList(t *testing.T) {
	for accept, jwt := range map[string]bool{
		"":                           false,
		"*/*":                        false,
		"application/statuslist+cwt": false,
		"application/statuslist+jwt": true,
		"application/statuslist+jwt, application/statuslist+cwt;q=0.5":     true,
		"application/statuslist+jwt;q=0.2,application/statuslist+cwt":      false,
		"text/html, application/statuslist+jwt;q=0.9;v=1, nonsense//, */*": true,
	} {
		if got := prefersJWT([]string{accept}); got != jwt {
			t.Errorf("%q: JWT %v", accept, got)
		}
	}
}
