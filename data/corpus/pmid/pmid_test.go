package pmid

import (
	"strings"
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

func TestReadList(t *testing.T) {
	var s Set
	if err := s.ReadList(strings.NewReader("\ufeff12\r\n\n# held out\n 7 # test set\n"), "list"); err != nil {
		t.Fatal(err)
	}
	if s.Len() != 2 || !s.Has(12) || !s.Has(7) {
		t.Errorf("%d in the set, want 12 and 7", s.Len())
	}
	if err := s.ReadList(strings.NewReader("1\nPMC2\n"), "list"); err == nil || err.Error() != `list: line 2: PMID "PMC2", want a number up to 99999999` {
		t.Errorf("got error %v", err)
	}
	if err := s.ReadList(strings.NewReader(strings.Repeat("1", 1<<20)), "list"); err == nil || !strings.HasPrefix(err.Error(), "list: ") {
		t.Errorf("long line: got error %v", err)
	}
}
