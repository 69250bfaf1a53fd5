package corpus

import (
	"os"
	"strings"
	"testing"
)

// TestNamesBeforeFullStops puts 200 names that end in a capital, a digit or a Greek letter into texts where the full stop behind
// them ends the sentence, and into texts where it does not.
func TestNamesBeforeFullStops(t *testing.T) {
	names, frames := linesOf(t, "testdata/names.txt"), linesOf(t, "testdata/frames.txt")
	if len(names) != 200 {
		t.Fatalf("%d names, want 200", len(names))
	}
	s := newSplitter(t)
	found, missed, spurious := 0, 0, 0
	for _, frame := range frames {
		for _, name := range names {
			marked := strings.ReplaceAll(frame, "NAME", name)
			want, whole := ends(marked)
			got := map[int]bool{}
			for _, span := range s.Split(whole) {
				got[span.End] = true
			}
			for end := range got {
				switch {
				case want[end]:
					found++
				default:
					spurious++
					t.Logf("spurious: %s || %s", whole[:end], whole[end:])
				}
			}
			for end := range want {
				if !got[end] {
					missed++
					t.Logf("missed: %s || %s", whole[:end], whole[end:])
				}
			}
		}
	}
	precision, recall := float64(found)/float64(found+spurious), float64(found)/float64(found+missed)
	t.Logf("%d ends found, %d missed, %d spurious: precision %.4f, recall %.4f", found, missed, spurious, precision, recall)
	if precision < 1 || recall < 1 {
		t.Errorf("precision %.4f, recall %.4f; want 1 and 1", precision, recall)
	}
}

// linesOf are the lines of a file that are no comments.
func linesOf(t *testing.T, path string) (lines []string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(content)) {
		if line = strings.TrimSuffix(line, "\n"); !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return lines
}

// ends are where the sentences of a text end that has "|" there, and the text without.
func ends(marked string) (at map[int]bool, whole string) {
	at = map[int]bool{}
	for part := range strings.SplitSeq(marked, "|") {
		whole += part
		at[len(whole)] = true
	}
	return at, whole
}
