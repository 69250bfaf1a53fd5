package pjrt

import (
	"fmt"
	"strings"
)

// DefaultParts are the parts of the layer that are on unless a person selects others.
const DefaultParts = "donate,cache,background"

// executionsAhead is how many steps the host may run ahead of the device: enough to hide its own work, few enough
// that a failure is noticed soon and little memory waits to be freed.
const executionsAhead = 2

// ParseParts returns options with the parts of the layer that a comma-separated list names: donate, background, ahead,
// cache, or none. The cache is in the directory cache; if that is empty, there is none.
func ParseParts(parts, cache string) (Options, error) {
	var o Options
	for part := range strings.SplitSeq(parts, ",") {
		switch part {
		case "none":
		case "donate":
			o.Donate = true
		case "background":
			o.Background = true
		case "ahead":
			o.InFlight = executionsAhead
		case "cache":
			if cache != "" {
				o.Cache = OpenCache(cache, 0)
			}
		default:
			return o, fmt.Errorf("unknown part %q, want donate, cache, background, ahead or none", part)
		}
	}
	return o, nil
}

// EnvironmentSalt returns the variables of the environment that compilers read, for Options.CacheSalt. getenv returns the
// value of a variable.
func EnvironmentSalt(getenv func(name string) string) string {
	salt := ""
	for _, name := range []string{"XLA_FLAGS", "TF_XLA_FLAGS", "XLA_DEBUG_OPTIONS", "LIBTPU_INIT_ARGS"} {
		salt += name + "=" + getenv(name) + "\n"
	}
	return salt
}
