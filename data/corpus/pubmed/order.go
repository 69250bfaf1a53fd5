package pubmed

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Sort sorts the names of baseline and update files in their order of publication: by the numbers in their base names,
// so that pubmed26n0002 comes before pubmed26n0010 and pubmed26n1335, the first update. It fails if a file occurs
// twice, for example compressed and uncompressed.
func Sort(paths []string) error {
	slices.SortStableFunc(paths, func(a, b string) int { return compareNames(stem(a), stem(b)) })
	for i := 1; i < len(paths); i++ {
		if stem(paths[i-1]) == stem(paths[i]) {
			return fmt.Errorf("%s and %s are the same PubMed file", paths[i-1], paths[i])
		}
	}
	return nil
}

// Missing names the files that a sorted list lacks between its first and its last: without an update, the records that
// it replaces or deletes reappear. It ignores files that are not named like PubMed's.
func Missing(sorted []string) []string {
	var missing []string
	year, last := 0, 0
	for _, path := range sorted {
		y, n, ok := Number(path)
		if !ok {
			continue
		}
		if y == year {
			for i := last + 1; i < n && len(missing) < 10000; i++ {
				missing = append(missing, fmt.Sprintf("pubmed%02dn%04d", y, i))
			}
		}
		year, last = y, n
	}
	return missing
}

// Number parses the name of a file: the year, of two digits, and the number within the year.
func Number(path string) (year, index int, ok bool) {
	name, found := strings.CutPrefix(stem(path), "pubmed")
	y, n, cut := strings.Cut(name, "n")
	year, good := number(y, 99)
	index, ok = number(n, 999_999)
	return year, index, found && cut && good && ok
}

// stem is the name of a file without its folder and endings.
func stem(path string) string {
	name := filepath.Base(path)
	for _, ending := range []string{".zst", ".xz", ".gz", ".xml"} {
		name = strings.TrimSuffix(name, ending)
	}
	return name
}

// compareNames compares names piece by piece, runs of digits by their value.
func compareNames(a, b string) int {
	for a != "" && b != "" {
		x, y := digits(a), digits(b)
		if x == 0 || y == 0 {
			if a[0] != b[0] {
				return cmp.Compare(a[0], b[0])
			}
			a, b = a[1:], b[1:]
			continue
		}
		p, q := strings.TrimLeft(a[:x], "0"), strings.TrimLeft(b[:y], "0")
		if c := cmp.Or(cmp.Compare(len(p), len(q)), cmp.Compare(p, q)); c != 0 {
			return c
		}
		a, b = a[x:], b[y:]
	}
	return cmp.Compare(len(a), len(b))
}

// digits is the number of digits at the start of s.
func digits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}
