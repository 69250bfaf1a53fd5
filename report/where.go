package report

import (
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/subbert/subbert/data/marked"
	"github.com/subbert/subbert/runs/result"
)

// runsSection describes each run.
func runsSection(runs []named) Section {
	s := Section{Title: "Settings of each run", Folded: true}
	if t := differenceTable(runs); len(t.Rows) > 0 {
		s.Blocks = append(s.Blocks, t)
	}
	for _, n := range runs {
		s.Blocks = append(s.Blocks, Facts{Title: n.name, Facts: n.run.facts()}, Details{Summary: result.ConfigFile, Text: n.run.Config.Text})
	}
	return s
}

// differenceTable returns the settings that differ between the configs of runs of one task, with a row for each
// setting.
func differenceTable(runs []named) Table {
	t := Table{Caption: "What differs between the configs", Columns: []Column{{Name: "setting"}}, Cards: true}
	for _, group := range indexByTask(unnamed(runs)) {
		if len(group) < 2 || len(group) != len(runs) {
			continue
		}
		for _, n := range runs {
			t.Columns = append(t.Columns, Column{Name: n.name})
		}
		for _, key := range differences(unnamed(runs)) {
			cells := []string{key}
			for _, n := range runs {
				cells = append(cells, orNone(n.run.Config.String(key)))
			}
			t.Rows = append(t.Rows, Row{Cells: cells})
		}
	}
	return t
}

func unnamed(runs []named) []*Run {
	out := make([]*Run, len(runs))
	for i, n := range runs {
		out[i] = n.run
	}
	return out
}

// ranOn is the name of the fact that says where a run ran.
const ranOn = "ran on"

// glanceOf returns the main facts about runs of one task: once if they are the same for all.
func glanceOf(runs []named) Glance {
	var g Glance
	for _, line := range []struct {
		name string
		of   func(*Run) string
	}{{"encoder", (*Run).encoder}, {"examples", (*Run).examples}, {"epoch", (*Run).epoch}, {ranOn, (*Run).place}} {
		if text := sameOrEach(runs, line.of); text != "" {
			g = append(g, Fact{line.name, text})
		}
	}
	return g
}

// sameOrEach returns the text that of gives for all runs or, if they differ, each text with the names of its runs;
// empty if there is no text, or if there are too many.
func sameOrEach(runs []named, of func(*Run) string) string {
	var texts []string
	names := map[string][]string{}
	for _, n := range runs {
		text := of(n.run)
		if names[text] == nil {
			texts = append(texts, text)
		}
		names[text] = append(names[text], n.name)
	}
	if len(texts) == 1 {
		return texts[0]
	}
	const most = 3 // different texts
	if len(texts) > most {
		return ""
	}
	var out []string
	for _, text := range texts {
		if text != "" {
			out = append(out, text+" ("+strings.Join(names[text], "; ")+")")
		}
	}
	return strings.Join(out, "; ")
}

// encoder returns the model that the run starts from, and its size.
func (r *Run) encoder() string {
	text := isolated(pathName(r.Config.String("model.init")))
	if r.Config.String("model.fresh") == "all" {
		text += ", random weights"
	}
	if r.Encoder.Layers > 0 && text != "" {
		text += fmt.Sprintf(", %d layers, hidden size %d", r.Encoder.Layers, r.Encoder.Hidden)
	}
	return text
}

// examples returns the numbers of training and scored examples.
func (r *Run) examples() string {
	res := r.relation()
	if res == nil {
		return ""
	}
	var parts []string
	if n := res.Cut.Sentences; n > 0 {
		parts = append(parts, count(n)+" training pairs")
	}
	if n := res.Instances / max(1, len(res.Seeds)); n > 0 {
		parts = append(parts, strings.TrimSpace(count(n)+" scored, of "+isolated(pathName(res.Scored))))
	}
	return strings.TrimSuffix(strings.Join(parts, ", "), ", of ")
}

// epoch returns the epoch whose weights were kept.
func (r *Run) epoch() string {
	res := r.relation()
	batch, _ := r.Config.Number("task.batch")
	if res == nil || batch < 1 || res.Cut.Sentences == 0 {
		return ""
	}
	perEpoch := (res.Cut.Sentences + int(batch) - 1) / int(batch)
	last := res.Steps / max(1, len(r.Kept))
	if res.Steps == 0 || last%perEpoch != 0 {
		return ""
	}
	of := count(last / perEpoch)
	var kept []string
	for _, step := range r.Kept {
		if step > 0 {
			kept = append(kept, count((step+perEpoch-1)/perEpoch))
		}
	}
	switch {
	case len(kept) == 0:
		return "the last of " + of
	case len(kept) == 1:
		return kept[0] + " of " + of + ", the best on dev"
	}
	return strings.Join(kept, ", ") + " of " + of + ", the best on dev in each part"
}

// place returns the backend and devices that the run ran on.
func (r *Run) place() string {
	var parts []string
	if r.Result != nil && r.Result.Machine != "" {
		parts = append(parts, r.Result.Machine)
	}
	if b := r.backend(); b != "" {
		parts = append(parts, b)
	}
	return strings.Join(parts, "; ")
}

func (r *Run) facts() []Fact {
	var out []Fact
	add := func(name, value string) {
		if value != "" {
			out = append(out, Fact{name, value})
		}
	}
	for _, dir := range r.dirs() {
		add("directory", dir)
	}
	add("result", r.Outcome())
	if r.Result != nil {
		add("command", r.Result.Command)
	}
	add("time", r.time())
	add("steps", r.steps())
	if v, ok := r.last("tokens_per_sec"); ok {
		add("speed", value(v)+" tokens per second")
	}
	add("starts from", r.Config.String("model.init"))
	if r.Members == nil {
		add("seed", r.Config.String("run.seed"))
	}
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
	return fmt.Sprintf("%s; %s were truncated: %s lost one of the two mentions, %s lost both", count(c.Sentences), count(c.Shortened), count(c.LostOne), count(c.LostBoth))
}

// filesSection links to the files to open next. The links are relative to the page.
func filesSection(runs []named, o Options) (Section, error) {
	s := Section{Title: "Files to open next", Folded: true}
	if o.Export != "" {
		href, err := relative(o.Path, o.Export)
		if err != nil {
			return Section{}, err
		}
		s.Blocks = append(s.Blocks, Files{Title: "this page", Links: []Link{{Href: href, Text: o.Export, What: "its figures as SVG and PNG, its tables as CSV and LaTeX"}}})
	}
	for _, n := range runs {
		of := []*Run{n.run}
		if n.run.Members != nil {
			of = n.run.Members
		}
		for _, r := range of {
			f := Files{Title: n.name}
			if len(of) > 1 {
				f.Title += ", seed " + r.Config.String("run.seed")
			}
			for _, p := range r.Present {
				href, err := relative(o.Path, filepath.Join(r.Dir, p))
				if err != nil {
					return Section{}, err
				}
				f.Links = append(f.Links, Link{Href: href, Text: p, What: whatIs(p)})
			}
			s.Blocks = append(s.Blocks, f)
		}
	}
	return s, nil
}

// relative returns the address of a file relative to the page.
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
		return "the settings of the run"
	case p == result.MetricsFile:
		return "the recorded values, one line per report"
	case strings.HasPrefix(p, "predictions"):
		return "gold and predicted label of each example"
	case strings.HasPrefix(p, result.CheckpointsDir+"/"):
		return "the newest checkpoint"
	case p == result.ModelDir:
		return "the model, as transformers loads it"
	}
	return ""
}
