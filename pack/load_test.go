package pack

import "testing"

func TestJianghai(t *testing.T) {
	c, faults := Load("../cities/jianghai")
	for _, f := range faults {
		t.Error(f)
	}
	if c == nil {
		return
	}
	if c.Roads == nil || len(c.Roads.Roads) < 300 || len(c.Roads.Waters) == 0 {
		t.Error("the city has no map")
	}
	if len(c.Items) != 12 || len(c.Bodies) != 16 {
		t.Errorf("%d items, %d bodies", len(c.Items), len(c.Bodies))
	}
}
