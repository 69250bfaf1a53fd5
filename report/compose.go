package report

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/subbert/subbert/runs/result"
)

// Options says how to compose a page.
type Options struct {
	Title          string    // empty: made from the runs' names
	Path           string    // where the page will lie; links to files are relative to it
	Export         string    // directory for the page's figures and tables as files; may be empty
	UnigramEntropy float64   // in nats, drawn beside the masked-LM loss; 0 takes the runs' own
	Made           time.Time // time of writing; omitted if zero
}

// Compose makes the page of one or more runs. It shows runs that differ only in their seed as one. It draws samples of
// their predictions for intervals. If ctx ends, it returns the error of ctx.
func Compose(ctx context.Context, runs []*Run, o Options) (*Page, error) {
	if len(runs) == 0 {
		return nil, fmt.Errorf("report: no runs to report on")
	}
	given := len(runs)
	all := name(mergeSeeds(runs))
	for i := range all {
		all[i].ctx = ctx
	}
	page := &Page{Title: o.Title, Subtitle: subtitle(given, all)}
	if page.Title == "" {
		page.Title = title(all)
	}
	groups := byTask(all)
	told := map[string]bool{}
	for _, group := range groups {
		part, err := partOf(ctx, group, o, len(groups) == 1)
		if err != nil {
			return nil, err
		}
		page.Verdict = append(page.Verdict, part.verdict...)
		if len(groups) > 1 && len(part.lead) > 0 {
			page.Lead = append(page.Lead, Heading(capital(phraseTask(group[0].run.Task()))))
		}
		page.Lead = append(page.Lead, toldOnce(part.lead, told)...)
		page.Sections = append(page.Sections, part.sections...)
	}
	if notes := append(findingsOf(all), notesOf(all)...); len(notes) > 0 {
		page.Lead = append(page.Lead, notes)
	}
	files, err := filesSection(all, o)
	if err != nil {
		return nil, err
	}
	page.Sections = append(page.Sections, runsSection(all), files)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !o.Made.IsZero() {
		page.Footer = "Made by subbert report on " + o.Made.Format("2 January 2006 at 15:04 MST") + "."
	}
	return page, nil
}

// toldOnce removes from the glances in blocks the place of the runs if an earlier glance has told it.
func toldOnce(blocks []Block, told map[string]bool) []Block {
	for i, b := range blocks {
		g, ok := b.(Glance)
		if !ok {
			continue
		}
		blocks[i] = slices.DeleteFunc(g, func(f Fact) bool { return f.Name == ranOn && told[f.Value] })
		for _, f := range g {
			told[f.Value] = told[f.Value] || f.Name == ranOn
		}
	}
	return blocks
}

// part is what a page says about the runs of one task.
type part struct {
	verdict  []string
	lead     []Block
	sections []Section
}

// partOf makes the part of the runs of one task; alone says that the page has no other part.
func partOf(ctx context.Context, runs []named, o Options, alone bool) (part, error) {
	switch runs[0].run.Task() {
	case result.TaskPretraining:
		return pretrainingPart(runs, o, alone), nil
	case result.TaskRelation:
		return relationPart(ctx, runs, alone)
	case result.TaskProbing:
		return probingPart(runs, alone), nil
	case result.TaskAttention:
		return attentionPart(runs, alone), nil
	}
	return part{lead: []Block{outcomeTable(runs)}, sections: []Section{curveSection("Curves", runs, "loss", nil)}}, nil
}

// pretrainingPart shows the loss as a table, and as curves, unfolded if the page shows nothing else.
func pretrainingPart(runs []named, o Options, alone bool) part {
	p := part{verdict: lossVerdict(runs), lead: []Block{glanceOf(runs), outcomeTable(runs)}}
	s := curveSection("Curves of pre-training", runs, "mlm_loss", unigram(runs, o))
	if alone && len(s.Blocks) > 0 {
		if f, ok := s.Blocks[0].(Figure); ok {
			p.lead = append(p.lead, f)
			if s.Intro != "" {
				p.lead = append(p.lead, Remarks{s.Intro})
			}
			s.Title, s.Intro, s.Blocks = "Other curves", "", s.Blocks[1:]
		}
	}
	if len(s.Blocks) > 0 || s.Intro != "" {
		p.sections = []Section{s}
	}
	return p
}

// relationPart shows the scores of each corpus and, folded, the details behind them.
func relationPart(ctx context.Context, runs []named, alone bool) (part, error) {
	groups := byCorpus(scoredRuns(runs))
	tests, err := test(ctx, groups)
	if err != nil {
		return part{}, err
	}
	p := part{lead: []Block{glanceOf(runs)}}
	details := Section{Title: "By label", Folded: true}
	for _, same := range groups {
		t := scoreTable(same, tests)
		corpus := isolated(shortCorpus(same[0].run.corpus(), groups))
		verdict := scoreVerdict(same, tests)
		if len(groups) > 1 {
			t.Caption = orNone(corpus) + ": " + t.Caption
			verdict = []string{orNone(corpus) + ": " + strings.Join(verdict, " ")}
		}
		p.verdict = append(p.verdict, verdict...)
		p.lead = append(p.lead, t)
		if r := tests.remarks(same); len(r) > 0 {
			p.lead = append(p.lead, r)
		}
		if seeds := slices.ContainsFunc(same, func(r scored) bool { return len(r.f1) > 1 }); seeds && alone {
			p.lead = append(p.lead, seedStrip(same))
		} else if seeds {
			details.Blocks = append(details.Blocks, seedStrip(same))
		}
		for _, r := range same {
			if side := runScores(r); len(side) > 0 {
				details.Blocks = append(details.Blocks, side)
			}
		}
	}
	if len(tests.notes) > 0 {
		p.lead = append(p.lead, Notes(tests.notes))
	}
	if len(groups) == 0 {
		p.lead = append(p.lead, outcomeTable(runs))
	}
	if len(details.Blocks) > 0 {
		p.sections = append(p.sections, details)
	}
	if s := probabilitySection(runs); len(s.Blocks) > 0 {
		p.sections = append(p.sections, s)
	}
	p.sections = append(p.sections, curveSection("Curves of fine-tuning", runs, "loss", nil))
	return p, nil
}

// shortCorpus returns as many of the last parts of a path as distinguish it from the data of the other groups.
func shortCorpus(corpus string, groups [][]scored) string {
	path := filepath.ToSlash(corpus)
	for at := len(path); ; {
		at = strings.LastIndexByte(path[:at], '/')
		if at < 0 {
			return path
		}
		alike := func(g []scored) bool {
			other := filepath.ToSlash(g[0].run.corpus())
			return other != path && strings.HasSuffix("/"+other, path[at:])
		}
		if !slices.ContainsFunc(groups, alike) {
			return path[at+1:]
		}
	}
}

// byCorpus groups runs by the data that they were scored on, in order of first appearance.
func byCorpus(runs []scored) [][]scored {
	var corpora []string
	groups := map[string][]scored{}
	for _, r := range runs {
		c := r.run.corpus()
		if groups[c] == nil {
			corpora = append(corpora, c)
		}
		groups[c] = append(groups[c], r)
	}
	var out [][]scored
	for _, c := range corpora {
		out = append(out, groups[c])
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
	if all := strings.Join(names, " and "); len(runs) == 2 && len(all) <= longestName {
		return all
	}
	if len(runs) == 2 {
		return names[0] + " and another run"
	}
	return fmt.Sprintf("%s and %d more runs", names[0], len(names)-1)
}

// subtitle counts the runs: as given, and as shown.
func subtitle(given int, shown []named) string {
	unfinished := 0
	for _, n := range shown {
		if n.run.Result == nil {
			unfinished++
		}
	}
	s := fmt.Sprintf("%d runs", given)
	if given == 1 {
		s = "One run"
	}
	if len(shown) < given {
		s += "; runs that differ only in their seed are combined"
	}
	if unfinished > 0 {
		s += fmt.Sprintf(", %d of them not finished", unfinished)
	}
	return s + "."
}

// notesOf returns what was unusual in the files of the runs.
func notesOf(runs []named) Notes {
	var out Notes
	for _, n := range runs {
		for _, note := range n.run.Notes {
			out = append(out, n.name+": "+note+".")
		}
	}
	return out
}

// taskOrder is the order of tasks on the page. Scores come first, because the other tasks serve them.
var taskOrder = []string{result.TaskRelation, result.TaskProbing, result.TaskPretraining, result.TaskAttention}

// byTask groups the runs by task.
func byTask(runs []named) [][]named {
	groups := map[string][]named{}
	for _, n := range runs {
		task := n.run.Task()
		n.color = len(groups[task]) // colours differ within a task
		groups[task] = append(groups[task], n)
	}
	var out [][]named
	for _, task := range slices.Concat(taskOrder, sortedKeys(groups)) {
		if groups[task] != nil {
			out = append(out, groups[task])
			delete(groups, task)
		}
	}
	return out
}

// unigram returns the reference level of a model that knows only the frequency of each word piece.
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
	s := Section{Title: title, Folded: true}
	ms := recorded(runs)
	if len(ms) == 0 {
		s.Intro = "The runs recorded nothing."
		return s
	}
	k := max(0, slices.IndexFunc(ms, func(m measure) bool { return m.key == main }))
	large := mainFigure(ms[k], runs, levels)
	s.Blocks = append(s.Blocks, large)
	if len(levels) > 0 {
		s.Intro = "The dotted line is the unigram entropy of the word pieces: the loss of guessing by frequency alone."
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

// finalTable returns the last numbers of each run, with a row for each number.
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

// corpus returns the name of the data that a relation run was scored on.
func (r *Run) corpus() string {
	if res := r.relation(); res != nil && res.Corpus+res.Scored != "" {
		return cmp.Or(res.Corpus, res.Scored)
	}
	return r.Config.String("task.corpus")
}

// runScores returns the tables of one run.
func runScores(r scored) Side {
	var out Side
	res, of := r.run.relation(), r.name
	if len(r.f1) > 1 {
		of += ", all seeds together"
	}
	if len(res.PerClass) > 0 {
		out = append(out, classTable(res, of))
	}
	if len(res.Confusion) > 0 {
		out = append(out, Matrix{Caption: "Confusion: " + of, File: "confusion " + of, Labels: res.Labels, Counts: res.Confusion})
	}
	return out
}
