package report

import (
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
)

// whereSection says what ran where.
func whereSection(runs []named) Section {
	s := Section{Title: "What ran where"}
	for _, n := range runs {
		s.Blocks = append(s.Blocks, Facts{Title: n.name, Facts: n.run.facts()}, Details{Summary: configFile, Text: n.run.Config.Text})
	}
	return s
}

func (r *Run) facts() []Fact {
	var out []Fact
	add := func(name, value string) {
		if value != "" {
			out = append(out, Fact{name, value})
		}
	}
	if r.Result != nil {
		add("command", r.Result.Command)
		add("machine", r.Result.Machine)
	}
	add("backend", r.backend())
	add("time", r.time())
	add("steps", r.steps())
	if v, ok := r.last("tokens_per_sec"); ok {
		add("speed", value(v)+" tokens a second")
	}
	add("starts from", r.Config.String("model.init"))
	add("seed", r.Config.String("run.seed"))
	if r.Result != nil {
		add("scored on", r.Result.Scored)
		add("training sentences", r.Result.Cut.String())
		add("model", r.Result.Model)
		add("program", r.Result.Revision)
		for _, k := range sortedKeys(r.Result.Versions) {
			add(k, r.Result.Versions[k])
		}
	}
	return out
}

// String says it in a sentence; empty if nothing is known.
func (c *Cut) String() string {
	if c == nil || c.Sentences == 0 {
		return ""
	}
	return fmt.Sprintf("%s, of which %s were cut to fit: %s lost one of the two mentions and %s both", count(c.Sentences), count(c.Shortened), count(c.LostOne), count(c.LostBoth))
}

// filesSection links to what to open next. The links are relative to the page.
func filesSection(runs []named, page string) (Section, error) {
	s := Section{Title: "Files to open next"}
	for _, n := range runs {
		f := Files{Title: n.name}
		for _, p := range n.run.Present {
			href, err := relative(page, filepath.Join(n.run.Dir, p))
			if err != nil {
				return Section{}, err
			}
			f.Links = append(f.Links, Link{Href: href, Text: p, What: whatIs(p)})
		}
		s.Blocks = append(s.Blocks, f)
	}
	return s, nil
}

// relative is the address of a file as seen from the page.
func relative(page, file string) (string, error) {
	from, err := filepath.Abs(filepath.Dir(page))
	if err != nil {
		return "", fmt.Errorf("report: %w", err)
	}
	to, err := filepath.Abs(file)
	if err != nil {
		return "", fmt.Errorf("report: %w", err)
	}
	rel, err := filepath.Rel(from, to)
	if err != nil {
		return "", fmt.Errorf("report: %w", err)
	}
	return (&url.URL{Path: filepath.ToSlash(rel)}).String(), nil
}

func whatIs(p string) string {
	switch {
	case p == resultFile:
		return "all scores"
	case p == configFile:
		return "how it was run"
	case p == metricsFile:
		return "what was recorded, a line a report"
	case p == "predictions.tsv":
		return "gold and predicted label of each example"
	case strings.HasPrefix(p, "checkpoints/"):
		return "the newest checkpoint"
	case p == "model":
		return "the model, as transformers loads it"
	}
	return ""
}
