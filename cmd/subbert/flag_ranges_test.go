package main

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

// TestFlagRanges: every flag of every verb that takes a number declares a range, its default is within it, and numbers
// outside it are refused in one line that names the flag, before anything is read or begun.
func TestFlagRanges(t *testing.T) {
	var c cli
	seen := 0
	for _, verb := range newParser(&c).Model.Leaves(false) {
		for _, flag := range verb.Flags {
			if !numeric(flag.Target.Type()) {
				continue
			}
			seen++
			t.Run(strings.ReplaceAll(strings.TrimPrefix(verb.FullPath(), "subbert "), " ", "_")+"/"+flag.Name, func(t *testing.T) {
				hostile := []string{"nan", "NaN", "inf", "-inf", "1e300", "1e999", "99999999999999999999", "0x1p-9999x"}
				tag := flag.Tag.Get("range")
				switch unsigned := strings.Contains(flag.Target.Type().String(), "uint"); {
				case unsigned:
					hostile = append(hostile, "-1")
				case tag == "":
					t.Fatal("it declares no range")
				default:
					hostile = append(hostile, outside(t, flag, tag)...)
				}
				for _, text := range hostile {
					refused(t, verb, flag, text)
				}
			})
		}
	}
	if seen < 50 {
		t.Errorf("%d flags with numbers, want at least 50: the walk misses some", seen)
	}
}

// numeric reports whether a flag of type typ takes numbers or times.
func numeric(typ reflect.Type) bool {
	for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
		typ = typ.Elem()
	}
	v := reflect.Zero(typ)
	return v.CanInt() || v.CanUint() || v.CanFloat()
}

// outside returns numbers outside the range that tag declares. It checks the range, and that the default is within it.
func outside(t *testing.T, flag *kong.Flag, tag string) (all []string) {
	t.Helper()
	low, high, ok := strings.Cut(tag, "..")
	least, most := endOfRange(low), endOfRange(high)
	if !ok || !(least < most) || most >= math.MaxInt64/2 {
		t.Fatalf("range %q, want LOW..HIGH", tag)
	}
	if flag.HasDefault && flag.Default != "" {
		for one := range strings.SplitSeq(flag.Default, ",") {
			if x := endOfRange(one); x < least || x > most {
				t.Errorf("default %s, which is outside the range %s", one, tag)
			}
		}
	}
	if typ := flag.Target.Type(); typ == reflect.TypeFor[time.Duration]() {
		return []string{"-1s", "0s", time.Duration(most + 1).String(), time.Duration(least - 1).String(), "9223372036854775807ns", "2562047h"}
	} else if typ.Kind() == reflect.Float64 {
		return []string{"-1e-9", "-1e300", fmt.Sprint(most * 1.001), fmt.Sprint(least - 0.001)}
	}
	return []string{fmt.Sprintf("%.0f", least-1), fmt.Sprintf("%.0f", most+1), "-1000000000", "9223372036854775807", "-9223372036854775808", "1099511627776"}
}

// refused checks that verb ends with exit code 2 and one line that names the flag if its value is text.
func refused(t *testing.T, verb *kong.Node, flag *kong.Flag, text string) {
	t.Helper()
	args := append(strings.Fields(strings.TrimPrefix(verb.FullPath(), "subbert ")), "--"+flag.Name+"="+text)
	for _, p := range verb.Positional {
		args = append(args, given(p.Tag)) // which no verb reads before the numbers are checked
	}
	for _, other := range verb.Flags {
		if other.Required && other.Name != flag.Name {
			args = append(args, "--"+other.Name+"="+given(other.Tag))
		}
	}
	var out, said bytes.Buffer
	code := run(args, strings.NewReader(""), &out, &said)
	lines := strings.Split(strings.TrimSuffix(said.String(), "\n"), "\n")
	if code != exitMisused || len(lines) != 1 || !strings.HasPrefix(lines[0], "error: ") || !strings.Contains(lines[0], "--"+flag.Name) || out.Len() > 0 {
		t.Errorf("--%s=%s: exit code %d, %q on standard output, said %q; want %d and one line that names the flag", flag.Name, text, code, &out, &said, exitMisused)
	}
}

// given returns a value that an argument or a flag with the given tag takes.
func given(tag *kong.Tag) string {
	if choices := strings.Split(tag.Enum, ","); slices.Max(choices) != "" {
		return choices[0]
	}
	return "absent"
}
