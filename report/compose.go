package report

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/subbert/subbert/evaluate"
)

// Options says how to compose a page.
type Options struct {
	Title          string    // empty: made of the runs' names
	Path           string    // where the page will lie; links to files are relative to it
	UnigramEntropy float64   // in nats, drawn beside the masked-LM loss; 0 takes the runs' own
	Made           time.Time // when; left out if zero
}

// named is a run with what it is called and coloured on the page.
type named struct {
	ctx   context.Context // ends the work on the page
	run   *Run
	name  string
	color int
}

// Compose makes the page of one or more runs. It fails with the error of ctx when that ends.
func Compose(ctx context.Context, runs []*Run, o Options) (*Page, error) {
	if len(runs) == 0 {
		return nil, fmt.Errorf("report: no runs to report on")
	}
	all := name(runs)
	for i := range all {
		all[i].ctx = ctx
	}
	page := &Page{Title: o.Title, Subtitle: subtitle(all)}
	if page.Title == "" {
		page.Title = title(all)
	}
	page.Sections = append(page.Sections, Section{Title: "Runs", Blocks: overview(all)})
	for _, group := range byTask(all) {
		page.Sections = append(page.Sections, taskSections(group, o)...)
	}
	files, err := filesSection(all, o.Path)
	if err != nil {
		return nil, err
	}
	page.Sections = append(page.Sections, whereSection(all), files)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !o.Made.IsZero() {
		page.Footer = "Made by subbert report on " + o.Made.Format("2 January 2006 at 15:04 MST") + "."
	}
	return page, nil
}

// name gives each run a name that no other has.
func name(runs []*Run) []named {
	times := map[string]int{}
	for _, r := range runs {
		times[r.Name]++
	}
	out := make([]named, len(runs))
	for i, r := range runs {
		out[i] = named{run: r, name: r.Name}
		if times[r.Name] > 1 {
			out[i].name = filepath.ToSlash(filepath.Clean(r.Dir))
		}
	}
	return out
}

func title(runs []named) string {
	if len(runs) == 1 {
		return runs[0].name
	}
	names := make([]string, len(runs))
	for i, n := range runs {
		names[i] = n.name
	}
	if len(names) > 3 {
		return fmt.Sprintf("%s and %d more runs", names[0], len(names)-1)
	}
	return strings.Join(names, ", ")
}

func subtitle(runs []named) string {
	unfinished := 0
	for _, n := range runs {
		if n.run.Result == nil {
			unfinished++
		}
	}
	s := fmt.Sprintf("%d runs", len(runs))
	if len(runs) == 1 {
		s = "One run"
	}
	if unfinished > 0 {
		s += fmt.Sprintf(", %d of them not finished", unfinished)
	}
	return s + "."
}

// overview is the first table of the page: what ran and what came of it.
func overview(runs []named) []Block {
	t := Table{
		Columns: []Column{{Name: "run"}, {Name: "task"}, {Name: "setting"}, {Name: "steps", Numeric: true}, {Name: "result"}, {Name: "time", Numeric: true}, {Name: "on"}},
		Cards:   true,
	}
	var notes Notes
	for _, n := range runs {
		r := n.run
		t.Rows = append(t.Rows, Row{Cells: []string{n.name, orNone(r.Task()), orNone(r.setting()), orNone(r.steps()), orNone(r.outcome()), orNone(r.time()), orNone(r.backend())}})
		for _, note := range r.Notes {
			notes = append(notes, n.name+": "+note+".")
		}
	}
	out := []Block{t}
	if len(notes) > 0 {
		out = append(out, notes)
	}
	return out
}

// setting is the few values of the config that tell runs apart.
func (r *Run) setting() string {
	var words []string
	add := func(format, key string) {
		if v, ok := r.Config.Number(key); ok {
			words = append(words, fmt.Sprintf(format, value(v)))
		} else if s := r.Config.String(key); s != "" {
			words = append(words, fmt.Sprintf(format, s))
		}
	}
	if p := r.pooling(); p != "" && r.Task() == "relation" {
		words = append(words, p+" pooling")
	}
	if r.Task() == "pretraining" {
		add("%s masking", "task.masking")
	}
	add("batch %s", "task.batch")
	add("sequence %s", "task.sequence")
	add("rate %s", "optimizer.learning_rate")
	return strings.ReplaceAll(strings.Join(words, ", "), "_", "-")
}

func (r *Run) steps() string {
	if n := r.lastStep(); n > 0 {
		return count(n)
	}
	return ""
}

// outcome is the one number that a run is judged by.
func (r *Run) outcome() string {
	if s := scoredRuns([]named{{run: r}}); len(s) > 0 {
		return "F1 " + withSD(evaluate.SpreadOf(s[0].f1))
	}
	if p := r.probes(); p != nil {
		last := p.Series[0].Scores
		return "P " + within(last[0], 1) + " to " + within(last[len(last)-1], 1)
	}
	if v, ok := r.heldOutLoss(); ok {
		return "held-out masked-LM loss " + value(v)
	}
	for _, k := range []struct{ key, name string }{{"mlm_loss", "masked-LM loss"}, {"loss", "loss"}} {
		if v, ok := r.last(k.key); ok {
			return k.name + " " + value(v)
		}
	}
	return ""
}

// time is how long the run took, or has taken so far, for people.
func (r *Run) time() string {
	if t := r.seconds(); t > 0 {
		return duration(t)
	}
	return ""
}

func (r *Run) backend() string {
	if r.Result != nil && r.Result.Backend != "" {
		return r.Result.Backend
	}
	return r.Config.String("device.backend")
}

// byTask groups the runs by what they learned, in order of first appearance.
func byTask(runs []named) [][]named {
	var order []string
	groups := map[string][]named{}
	for _, n := range runs {
		task := n.run.Task()
		if !slices.Contains(order, task) {
			order = append(order, task)
		}
		n.color = len(groups[task]) // runs are told apart within a task
		groups[task] = append(groups[task], n)
	}
	var out [][]named
	for _, task := range order {
		out = append(out, groups[task])
	}
	return out
}

// taskSections is the curves and scores of the runs of one task.
func taskSections(runs []named, o Options) []Section {
	switch runs[0].run.Task() {
	case "pretraining":
		return []Section{curveSection("Pre-training", runs, "mlm_loss", unigram(runs, o))}
	case "relation":
		var out []Section
		if scores := scoredRuns(runs); len(scores) > 0 {
			out = append(out, scoreSection(scores))
		}
		return append(out, curveSection("Fine-tuning", runs, "loss", nil))
	case "probe":
		return []Section{probingSection(runs)}
	case "attention":
		return []Section{attentionSection(runs)}
	}
	return []Section{curveSection("Training", runs, "loss", nil)}
}

// unigram is the line of a model that knows only how frequent each piece is.
func unigram(runs []named, o Options) []Level {
	nats := o.UnigramEntropy
	for _, n := range runs {
		if p := n.run.pretraining(); nats == 0 && p != nil {
			nats = p.UnigramEntropy
		}
	}
	if nats == 0 {
		return nil
	}
	return []Level{{Name: "unigram entropy " + fixed(nats, 2), Y: nats}}
}

// curveSection shows the measure main large and the others small.
func curveSection(title string, runs []named, main string, levels []Level) Section {
	s := Section{Title: title}
	ms := recorded(runs)
	if len(ms) == 0 {
		s.Intro = "Nothing was recorded."
		return s
	}
	k := max(0, slices.IndexFunc(ms, func(m measure) bool { return m.key == main }))
	large := mainFigure(ms[k], runs, levels)
	s.Blocks = append(s.Blocks, large)
	if len(levels) > 0 {
		s.Intro = "The dotted line is the entropy of the text's pieces taken one by one: what guessing by frequency alone would reach."
	}
	if g := smallFigures(slices.Delete(ms, k, k+1), runs); len(g.Figures) > 0 {
		g.Above = large.Legend()
		s.Blocks = append(s.Blocks, g)
	}
	if t := finalTable(runs); len(t.Rows) > 0 {
		s.Blocks = append(s.Blocks, t)
	}
	return s
}

// finalTable is the last numbers of each run, a row for each number.
func finalTable(runs []named) Table {
	t := Table{Caption: "At the end", Columns: []Column{{Name: ""}}}
	rows := map[string][]string{}
	var order []string
	for i, n := range runs {
		t.Columns = append(t.Columns, Column{Name: n.name, Numeric: true})
		p := n.run.pretraining()
		if p == nil {
			continue
		}
		for _, set := range []struct {
			prefix string
			values map[string]float64
		}{{"held-out ", p.HeldOut}, {"training ", p.Final}} {
			for _, k := range sortedKeys(set.values) {
				key := set.prefix + phrase(bare(k))
				if rows[key] == nil {
					rows[key] = make([]string, len(runs))
					order = append(order, key)
				}
				rows[key][i] = value(set.values[k])
			}
		}
	}
	for _, key := range order {
		cells := []string{key}
		for _, v := range rows[key] {
			cells = append(cells, orNone(v))
		}
		t.Rows = append(t.Rows, Row{Cells: cells})
	}
	return t
}

// scoreSection is the tables of the relation runs, corpus by corpus.
func scoreSection(runs []scored) Section {
	s := Section{Title: "Relation extraction"}
	var corpora []string
	for _, r := range runs {
		if c := r.run.corpus(); !slices.Contains(corpora, c) {
			corpora = append(corpora, c)
		}
	}
	for _, c := range corpora {
		same := slices.DeleteFunc(slices.Clone(runs), func(r scored) bool { return r.run.corpus() != c })
		t := scoreTable(same)
		if len(corpora) > 1 {
			t.Caption = orNone(c) + ": " + t.Caption
		}
		s.Blocks = append(s.Blocks, t)
		if slices.ContainsFunc(same, func(r scored) bool { return len(r.f1) > 1 }) {
			s.Blocks = append(s.Blocks, seedStrip(same))
		}
	}
	for _, r := range runs {
		s.Blocks = append(s.Blocks, runScores(r))
	}
	return s
}

// corpus is what a relation run was scored on.
func (r *Run) corpus() string {
	if res := r.relation(); res != nil && res.Corpus+res.Scored != "" {
		return cmp.Or(res.Corpus, res.Scored)
	}
	return r.Config.String("task.corpus")
}

// runScores is the tables of one run.
func runScores(r scored) Side {
	var out Side
	res := r.run.relation()
	if len(res.PerClass) > 0 {
		out = append(out, classTable(res, r.name))
	}
	if len(res.Confusion) > 0 {
		out = append(out, Matrix{Caption: "Confusion: " + r.name, Labels: res.Labels, Counts: res.Confusion})
	}
	return out
}
