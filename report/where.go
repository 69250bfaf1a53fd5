package report

import (
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/subbert/subbert/data/marked"
	"github.com/subbert/subbert/runs/result"
)

// whereSection says what ran where.
func whereSection(runs []named) Section {
	s := Section{Title: "What ran where"}
	for _, n := range runs {
		s.Blocks = append(s.Blocks, Facts{Title: n.name, Facts: n.run.facts()}, Details{Summary: result.ConfigFile, Text: n.run.Config.Text})
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
		if res := r.relation(); res != nil {
			add("scored on", res.Scored)
			add("training sentences", cutText(res.Cut))
		}
		add("model", r.Result.Model)
		add("program", r.Result.Revision)
		for _, k := range sortedKeys(r.Result.Versions) {
			add(k, r.Result.Versions[k])
		}
	}
	return out
}

// cutText says in a sentence what c counts; empty if nothing is known.
func cutText(c marked.Cut) string {
	if c.Sentences == 0 {
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
	case p == result.File:
		return "all scores"
	case p == result.ConfigFile:
		return "how it was run"
	case p == result.MetricsFile:
		return "what was recorded, a line a report"
	case p == result.PredictionsFile:
		return "gold and predicted label of each example"
	case strings.HasPrefix(p, result.CheckpointsDir+"/"):
		return "the newest checkpoint"
	case p == result.ModelDir:
		return "the model, as transformers loads it"
	}
	return ""
}
