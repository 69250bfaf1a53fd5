package pmid

import (
	"testing"
)

func TestParse(t *testing.T) {
	for _, test := range []struct {
		in   string
		want uint32
	}{{"1", 1}, {"007", 7}, {"99999999", Max}, {"0", 0}, {"", 0}, {"100000000", 0}, {"4294967297", 0}, {"-1", 0}, {"1a", 0}, {" 1", 0}, {"１", 0}} {
		got, err := Parse(test.in)
		if got != test.want || (err == nil) != (test.want != 0) {
			t.Errorf("%q: got %d and error %v, want %d", test.in, got, err, test.want)
		}
	}
}

func TestSet(t *testing.T) {
	var s Set
	if s.Has(0) || s.Has(Max) || s.Len() != 0 {
		t.Error("the zero set is not empty")
	}
	for _, id := range []uint32{64, 1, Max, 63, 64} {
		s.Add(id)
	}
	for _, id := range []uint32{1, 63, 64, Max} {
		if !s.Has(id) {
			t.Errorf("%d is missing", id)
		}
	}
	if s.Len() != 4 || s.Has(2) || s.Has(65) || s.Has(Max-1) {
		t.Errorf("%d in the set, want 4", s.Len())
	}
}
