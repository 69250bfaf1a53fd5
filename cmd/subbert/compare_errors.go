package main

import (
	"fmt"
	"html/template"
	"io"
	"path/filepath"
	"slices"

	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/tasks"
	"github.com/subbert/subbert/trainer/rundir"
)

// errorCase is a pair that one model gets right and the other wrong.
type errorCase struct {
	Index, Gold string
	A, B        errorVote
}

// errorVote is what a model says of a pair: its runs' label, the most frequent of them, and how many runs are right.
type errorVote struct {
	Predicted   string
	Right, Runs int
}

func (v errorVote) right() bool { return 2*v.Right > v.Runs }

// findCases notes the pairs on which the models differ in being right, in the order of the predictions.
func (r *comparison) findCases(a, b [][]relations.Prediction) {
	for i, row := range a[0] {
		e := errorCase{Index: row.Index, Gold: row.Gold, A: vote(a, i), B: vote(b, i)}
		switch {
		case e.A.right() && !e.B.right():
			r.OnlyA++
		case e.B.right() && !e.A.right():
			r.OnlyB++
		default:
			continue
		}
		r.cases = append(r.cases, e)
	}
}

// vote is what the runs say of pair i.
func vote(runs [][]relations.Prediction, i int) errorVote {
	v := errorVote{Runs: len(runs)}
	counts := map[string]int{}
	for _, rows := range runs {
		counts[rows[i].Predicted]++
		if rows[i].Predicted == rows[i].Gold {
			v.Right++
		}
	}
	for _, rows := range runs {
		if p := rows[i].Predicted; v.Predicted == "" || counts[p] > counts[v.Predicted] {
			v.Predicted = p
		}
	}
	return v
}

// sentences are the marked sentences by index.
func (v *compareCmd) sentences(c *console) (map[string]relations.Example, error) {
	var all []relations.Example
	var err error
	if v.Sentences != "" {
		all, err = readRelations(v.Sentences)
	} else {
		file := filepath.Join(v.A, rundir.ConfigFile)
		config, failed := configs.Read(file, tasks.NameRelation, nil)
		if failed != nil {
			return nil, misusef("--errors: no sentences: %w; --sentences names a file of them", failed)
		}
		var sets *relationSets
		if sets, err = readSets(c, config); err == nil {
			all = slices.Concat(sets.test, sets.dev, sets.train)
		}
	}
	if err != nil {
		return nil, err
	}
	byID := make(map[string]relations.Example, len(all))
	for _, e := range slices.Backward(all) { // what is scored wins over a pair of the same index in train
		byID[e.ID] = e
	}
	return byID, nil
}

// errorRow is a case with its sentence taken apart.
type errorRow struct {
	errorCase
	Parts []sentencePart
}

// sentencePart is text in a mention (of class "a", "b" or "ab") or outside.
type sentencePart struct{ Class, Text string }

// writeErrors writes the page of cases.
func (v *compareCmd) writeErrors(c *console, r *comparison) error {
	byID, err := v.sentences(c)
	if err != nil {
		return err
	}
	page := struct {
		*comparison
		Groups []errorGroup
	}{r, []errorGroup{{Title: "A right, B wrong"}, {Title: "B right, A wrong"}}}
	for _, e := range r.cases {
		x, ok := byID[e.Index]
		if !ok {
			return fmt.Errorf("--errors: no sentence for pair %s", e.Index)
		}
		at := 0
		if e.B.right() {
			at = 1
		}
		page.Groups[at].Rows = append(page.Groups[at].Rows, errorRow{e, partsOf(x)})
	}
	if err := writeWhole(v.Errors, func(w io.Writer) error { return errorPage.Execute(w, page) }); err != nil {
		return err
	}
	c.log.Info("wrote", "page", v.Errors, "pairs", len(r.cases))
	return nil
}

type errorGroup struct {
	Title string
	Rows  []errorRow
}

// partsOf takes a sentence apart at its two mentions.
func partsOf(e relations.Example) []sentencePart {
	in := func(m relations.Mention, at int) bool { return m.Found() && m.Hull().Start <= at && at < m.Hull().End }
	class := func(at int) (name string) {
		if in(e.A, at) {
			name = "a"
		}
		if in(e.B, at) {
			name += "b"
		}
		return name
	}
	cuts := []int{0, e.A.Hull().Start, e.A.Hull().End, e.B.Hull().Start, e.B.Hull().End, len(e.Text)}
	slices.Sort(cuts)
	cuts = slices.Compact(cuts)
	var out []sentencePart
	for i, start := range cuts[:len(cuts)-1] {
		out = append(out, sentencePart{class(start), e.Text[start:cuts[i+1]]})
	}
	return out
}

var errorPage = template.Must(template.New("errors").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Where {{.A}} and {{.B}} differ</title>
<style>
body{font:15px/1.5 system-ui,sans-serif;max-width:62em;margin:2em auto;padding:0 1em;color:#222}
table{border-collapse:collapse;width:100%}td,th{padding:.4em .6em;border-bottom:1px solid #ddd;text-align:left;vertical-align:top}
.n{color:#777;font-size:85%}.a{background:#cfe3ff}.b{background:#ffe0b8}.ab{background:#d9f0d0}
.a,.b,.ab{border-radius:3px;padding:0 .15em}.ok{color:#17682b}.no{color:#a3231b}
</style></head><body>
<h1>Pairs that one model gets right and the other wrong</h1>
<p>A: {{.A}} ({{.RunsA}} run{{if gt .RunsA 1}}s{{end}}). B: {{.B}} ({{.RunsB}} run{{if gt .RunsB 1}}s{{end}}). {{.Instances}} pairs; only A is right on {{.OnlyA}}, only B on {{.OnlyB}}.
Right means in more than half of the runs. The first mention is <span class="a">blue</span>, the second <span class="b">orange</span>, both at once <span class="ab">green</span>.</p>
{{range .Groups}}<h2>{{.Title}} ({{len .Rows}})</h2>
<table><tr><th>pair</th><th>sentence</th><th>right</th><th>A</th><th>B</th></tr>
{{range .Rows}}<tr><td class="n">{{.Index}}</td><td>{{range .Parts}}{{if .Class}}<span class="{{.Class}}">{{.Text}}</span>{{else}}{{.Text}}{{end}}{{end}}</td><td>{{.Gold}}</td>{{template "vote" .A}}{{template "vote" .B}}</tr>
{{end}}</table>
{{end}}</body></html>
{{define "vote"}}<td>{{.Predicted}}{{if gt .Runs 1}} <span class="n">{{.Right}} of {{.Runs}} right</span>{{end}}</td>{{end}}`))
