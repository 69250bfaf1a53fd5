package main

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	// linkTarget matches the target of a Markdown link.
	linkTarget = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	// heading matches a heading of Markdown.
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	// notInAnchor matches what GitHub leaves out of a heading's anchor.
	notInAnchor = regexp.MustCompile(`[^\p{L}\p{N}_\- ]`)
	// recordedCommand matches a command of the records that runs tests.
	recordedCommand = regexp.MustCompile(`(cd \w+ && )?go test [^\n#` + "`" + `]+`)
)

// TestLinks checks that every relative link of every page leads to a file, and to a heading if it names one.
func TestLinks(t *testing.T) {
	for _, page := range markdown(t) {
		text := pageText(t, page)
		for _, b := range blocksOf(text) {
			text = strings.Replace(text, b.text, "", 1)
		}
		for _, m := range linkTarget.FindAllStringSubmatch(text, -1) {
			if err := followed(page, m[1]); err != "" {
				t.Errorf("%s: the link %q: %s", page, m[1], err)
			}
		}
	}
}

// TestLinksGoRed checks that TestLinks finds a file and a heading that are not there.
func TestLinksGoRed(t *testing.T) {
	for _, test := range []struct{ name, target, want string }{
		{"a heading of the same page", "#contents", ""},
		{"a heading of another page", "performance.md#how-fast-is-the-go-backend", ""},
		{"no such file", "performances.md", "no such file"},
		{"no such heading", "performance.md#how-fast-is-the-go-back", "no such heading"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := followed("../../docs/experiments.md", test.target); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestRecordedTests checks that the tests and benchmarks that the records name are in the packages that they name.
func TestRecordedTests(t *testing.T) {
	for _, page := range []string{"../../docs/experiments.md", "../../docs/performance.md"} {
		for _, command := range recordedCommand.FindAllString(pageText(t, page), -1) {
			folder, names := testsOf(command)
			if strings.HasSuffix(folder, "/...") {
				continue
			}
			source := testSource(t, folder)
			if source == "" {
				t.Errorf("%s: %q: %s has no tests", page, command, folder)
			}
			for _, name := range names {
				if !regexp.MustCompile(`func \w*` + name).MatchString(source) {
					t.Errorf("%s: %q: %s has no such test", page, command, folder)
				}
			}
		}
	}
}

// testsOf returns the package of a command that runs tests, and the parts of their names that it gives.
func testsOf(command string) (folder string, names []string) {
	module := ""
	if in, rest, other := strings.Cut(command, " && "); other {
		module, command = strings.TrimPrefix(in, "cd "), strings.TrimSuffix(rest, ")")
	}
	fields := strings.Fields(command)
	for i, field := range fields {
		switch {
		case strings.HasPrefix(field, "./"):
			folder = "./" + path.Join(module, field)
		case slices.Contains([]string{"-run", "-bench", "-fuzz"}, field) && i+1 < len(fields):
			for name := range strings.SplitSeq(strings.Trim(fields[i+1], "'^$."), "|") {
				name, _, _ = strings.Cut(name, "/")
				if !strings.EqualFold(name, "xxx") {
					names = append(names, name)
				}
			}
		}
	}
	return folder, names
}

// testSource returns the text of a package's tests, which is empty for a folder without tests.
func testSource(t *testing.T, folder string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("../..", folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, file := range files {
		all.WriteString(pageText(t, file))
	}
	return all.String()
}

// followed returns what is wrong with a link of a page, and nothing if it leads somewhere or out of the repository.
func followed(page, target string) string {
	if strings.Contains(target, "://") {
		return ""
	}
	file, anchor, _ := strings.Cut(target, "#")
	path := page
	if file != "" {
		path = filepath.Join(filepath.Dir(page), file)
	}
	if _, err := os.Stat(path); err != nil {
		return "no such file"
	}
	text, err := os.ReadFile(path)
	if anchor != "" && (err != nil || !slices.Contains(anchors(string(text)), anchor)) {
		return "no such heading"
	}
	return ""
}

// anchors returns the anchors that GitHub gives to the headings of a page.
func anchors(page string) []string {
	var names []string
	for _, m := range heading.FindAllStringSubmatch(page, -1) {
		name := notInAnchor.ReplaceAllString(strings.ToLower(strings.TrimSpace(m[1])), "")
		names = append(names, strings.ReplaceAll(name, " ", "-"))
	}
	return names
}

// markdown returns the pages of the repository, but those of testdata.
func markdown(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"../../*.md", "../../docs/*.md", "../../beam/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, found...)
	}
	return all
}

func pageText(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
