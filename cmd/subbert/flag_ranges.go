package main

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// checkRanges refuses the numbers of a command line that are outside the range of their flag. A flag declares it in the tag
// range:"LOW..HIGH", both ends included. Unsigned flags need none: every value of their type is in range.
func checkRanges(parsed *kong.Context) error {
	for _, part := range parsed.Path {
		if part.Flag == nil || part.Flag.Tag.Get("range") == "" {
			continue
		}
		low, high, _ := strings.Cut(part.Flag.Tag.Get("range"), "..")
		for _, n := range numbersOf(part.Flag.Target) {
			if x := magnitude(n); !(x >= endOfRange(low) && x <= endOfRange(high)) { // NaN is in no range
				return misusef("--%s %v: want %s to %s", part.Flag.Name, n, low, high)
			}
		}
	}
	return nil
}

// numbersOf returns the numbers that v is, points to or lists.
func numbersOf(v reflect.Value) (all []reflect.Value) {
	switch {
	case v.Kind() == reflect.Pointer && !v.IsNil():
		return numbersOf(v.Elem())
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			all = append(all, numbersOf(v.Index(i))...)
		}
	case v.CanInt() || v.CanFloat():
		return []reflect.Value{v}
	}
	return all
}

func magnitude(v reflect.Value) float64 {
	if v.CanInt() {
		return float64(v.Int())
	}
	return v.Float()
}

// endOfRange returns an end of a range, which is a number or a time such as 15m.
func endOfRange(text string) float64 {
	if d, err := time.ParseDuration(text); err == nil {
		return float64(d)
	}
	x, err := strconv.ParseFloat(text, 64)
	if err != nil {
		panic(fmt.Sprintf("range with the end %q", text)) // the tag is wrong; a test reads every tag
	}
	return x
}
