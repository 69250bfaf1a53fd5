package backend

import "testing"

func TestAddSetting(t *testing.T) {
	const want = "asyncpreemptoff=1"
	for _, c := range []struct {
		now, setting, then string
		changed            bool
	}{
		{"", want, want, true},
		{"gctrace=1", want, "gctrace=1," + want, true},
		{want, want, want, false},
		{"gctrace=1,asyncpreemptoff=0", want, "gctrace=1,asyncpreemptoff=0", false},
		{"asyncpreemptoffer=1", want, "asyncpreemptoffer=1," + want, true},
		{"", "", "", false},
		{"gctrace=1", "", "gctrace=1", false},
	} {
		if then, changed := addSetting(c.now, c.setting); then != c.then || changed != c.changed {
			t.Errorf("addSetting(%q, %q) is %q and %v, want %q and %v", c.now, c.setting, then, changed, c.then, c.changed)
		}
	}
}
