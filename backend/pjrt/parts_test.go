package pjrt

import "testing"

func TestParseParts(t *testing.T) {
	for _, test := range []struct {
		parts, cache                      string
		donate, background, cached, fails bool
		inFlight                          int
	}{
		{parts: DefaultParts, cache: "dir", donate: true, background: true, cached: true},
		{parts: DefaultParts, donate: true, background: true},
		{parts: "none", cache: "dir"},
		{parts: "ahead,donate", cache: "dir", donate: true, inFlight: executionsAhead},
		{parts: "donate,what", fails: true},
	} {
		o, err := ParseParts(test.parts, test.cache)
		if (err != nil) != test.fails {
			t.Errorf("%s: %v", test.parts, err)
		} else if err == nil && (o.Donate != test.donate || o.Background != test.background || (o.Cache != nil) != test.cached || o.InFlight != test.inFlight) {
			t.Errorf("%s, cache %q: %+v", test.parts, test.cache, o)
		}
	}
}

// TestEnvironmentSalt: another value of a variable that compilers read makes another salt.
func TestEnvironmentSalt(t *testing.T) {
	salt := func(name string) string {
		return EnvironmentSalt(func(asked string) string { return map[bool]string{true: "x"}[asked == name] })
	}
	if salt("XLA_FLAGS") == salt("LIBTPU_INIT_ARGS") || salt("XLA_FLAGS") == salt("") || salt("HOME") != salt("") {
		t.Errorf("salts %q, %q, %q", salt("XLA_FLAGS"), salt("LIBTPU_INIT_ARGS"), salt(""))
	}
}
