package report

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/subbert/subbert/runs/result"
)

// named is a run with its name and colour on the page.
type named struct {
	ctx   context.Context // ends the work on the page
	run   *Run
	name  string
	color int
}

// name names each run by what distinguishes it from the other runs of its task: the name that a sweep gave it, else the
// settings that differ, else its directory. Names are in the order of the runs, and no two are the same.
func name(runs []*Run) []named {
	out := make([]named, len(runs))
	for i, r := range runs {
		out[i] = named{run: r, name: r.Name}
	}
	for _, group := range indexByTask(runs) {
		of := make([]*Run, len(group))
		for k, i := range group {
			of[k] = runs[i]
		}
		for k, called := range namesOf(of) {
			out[group[k]].name = called
		}
	}
	unlike(out)
	for i := range out {
		out[i].name = isolated(out[i].name)
	}
	return out
}

// indexByTask groups runs by task, in order of first appearance.
func indexByTask(runs []*Run) [][]int {
	var order []string
	groups := map[string][]int{}
	for i, r := range runs {
		task := r.Task()
		if groups[task] == nil {
			order = append(order, task)
		}
		groups[task] = append(groups[task], i)
	}
	var out [][]int
	for _, task := range order {
		out = append(out, groups[task])
	}
	return out
}

// namesOf names runs of one task.
func namesOf(runs []*Run) []string {
	given := make([]string, len(runs))
	swept := true
	for i, r := range runs {
		given[i] = r.given()
		swept = swept && r.Swept != ""
	}
	if swept {
		return withoutCommon(given)
	}
	if len(runs) == 1 {
		return given
	}
	if words := differing(runs); words != nil {
		return words
	}
	return given
}

// withoutCommon returns names without the first parts, which end in slashes, that they all have.
func withoutCommon(names []string) []string {
	common := names[0][:strings.LastIndexByte(names[0], '/')+1]
	for _, name := range names[1:] {
		for !strings.HasPrefix(name, common) {
			common = common[:strings.LastIndexByte(common[:len(common)-1], '/')+1]
		}
	}
	out := make([]string, len(names))
	for i, name := range names {
		if out[i] = name; len(names) > 1 {
			out[i] = strings.TrimPrefix(name, common)
		}
	}
	return out
}

// given returns the name that a person gave the run, in its sweep or as its directory.
func (r *Run) given() string {
	switch {
	case r.Swept != "":
		return r.Swept
	case isHash(r.Name):
		return phraseTask(r.Task())
	}
	return r.Name
}

var hash = regexp.MustCompile(`^[0-9a-f]{12,}$`)

func isHash(name string) bool { return hash.MatchString(name) }

// phraseTask returns the name of a task.
func phraseTask(task string) string {
	switch task {
	case result.TaskPretraining:
		return "pre-training"
	case result.TaskRelation:
		return "fine-tuning"
	case result.TaskProbing:
		return "probing"
	case "":
		return "run"
	}
	return task
}

// unlike makes equal names differ: by the directories of the runs, or else by numbers.
func unlike(all []named) {
	times := map[string][]int{}
	for i, n := range all {
		times[n.name] = append(times[n.name], i)
	}
	for _, same := range times {
		if len(same) < 2 {
			continue
		}
		var dirs []string
		for _, i := range same {
			dirs = append(dirs, filepath.ToSlash(filepath.Clean(all[i].run.Dir)))
		}
		slices.Sort(dirs)
		for n, i := range same {
			if len(slices.Compact(dirs)) == len(same) && !isHash(all[i].run.Name) {
				all[i].name = filepath.ToSlash(filepath.Clean(all[i].run.Dir))
			} else {
				all[i].name += fmt.Sprintf(" (%d)", n+1)
			}
		}
	}
}

const (
	mostNaming  = 3  // settings in a name
	longestName = 60 // bytes
)

// differing names runs by the fewest settings that distinguish all of them, those of learning first; nil if there are
// none, or too many.
func differing(runs []*Run) []string {
	words := make([][]string, len(runs))
	same := make([]string, len(runs)) // the settings of each run chosen so far
	used := 0
	for _, key := range differences(runs) {
		before := distinct(same)
		after := slices.Clone(same)
		for i, r := range runs {
			after[i] += "\x00" + r.Config.String(key)
		}
		if distinct(after) == before {
			continue
		}
		same = after
		for i, r := range runs {
			if w := settingWords(key, r.Config); w != "" {
				words[i] = append(words[i], w)
			}
		}
		if used++; used > mostNaming {
			return nil
		}
	}
	if distinct(same) < len(runs) {
		return nil
	}
	out := make([]string, len(runs))
	for i := range words {
		out[i] = strings.Join(words[i], ", ")
	}
	tooLong := func(s string) bool { return s == "" || len(s) > longestName }
	if distinct(out) < len(runs) || slices.ContainsFunc(out, tooLong) {
		return nil // paths that end alike, values that are not set, or tables
	}
	return out
}

func distinct(values []string) int {
	values = slices.Clone(values)
	slices.Sort(values)
	return len(slices.Compact(values))
}

// tables are the tables of a config that say what is learned, the most telling first. Other tables say how a run is
// carried out and do not change what is learned.
var tables = []string{"model", "data", "task", "optimizer", "schedule", "run"}

// telling are the keys that a reader looks for first.
var telling = []string{"task.corpus", "data.corpus", "model.init", "task.pooling", "task.masking", "task.marking", "optimizer.learning_rate"}

// differences returns the keys of configs that differ between runs, the most telling first.
func differences(runs []*Run) []string {
	var keys []string
	for _, r := range runs {
		for _, k := range r.Config.keys() {
			table, _, _ := strings.Cut(k, ".")
			if slices.Contains(tables, table) && k != "run.dir" && !slices.Contains(keys, k) {
				keys = append(keys, k)
			}
		}
	}
	keys = slices.DeleteFunc(keys, func(k string) bool {
		return !slices.ContainsFunc(runs, func(r *Run) bool { return r.Config.String(k) != runs[0].Config.String(k) })
	})
	place := func(k string) int {
		if i := slices.Index(telling, k); i >= 0 {
			return i
		}
		table, _, _ := strings.Cut(k, ".")
		return len(telling) + slices.Index(tables, table)
	}
	slices.SortStableFunc(keys, func(a, b string) int { return place(a) - place(b) })
	return keys
}

// settingWords describes in a few words the value of key in a config; empty if it has none.
func settingWords(key string, c Config) string {
	text := settingValue(key, c)
	if text == "" {
		return ""
	}
	switch key {
	case "task.corpus", "data.corpus", "data.train", "data.test", "data.shards":
		return text
	case "task.pooling":
		return text + " pooling"
	case "task.masking":
		return text + " masking"
	case "model.init":
		return "from " + text
	case "data.train_examples":
		return text + " examples"
	case "schedule.epochs":
		return text + " epochs"
	case "schedule.steps":
		return text + " steps"
	case "optimizer.learning_rate":
		return "rate " + text
	}
	return keyWords(key) + " " + text
}

// keyWords returns the last part of a key as words.
func keyWords(key string) string {
	return strings.ReplaceAll(key[strings.LastIndex(key, ".")+1:], "_", " ")
}

// settingValue returns the value of key for people: the names of paths, numbers with few digits.
func settingValue(key string, c Config) string {
	if v, ok := c.Number(key); ok {
		return value(v)
	}
	text := c.String(key)
	if key == "model.init" || strings.HasPrefix(key, "data.") {
		return pathName(text)
	}
	return strings.ReplaceAll(strings.Trim(text, "[]"), "_", "-")
}

// pathName returns a name for a path: without the parts that every run has, and with the sweep's name if there is one.
func pathName(path string) string {
	if strings.HasPrefix(path, "hub:") {
		return strings.TrimPrefix(path, "hub:")
	}
	dir := filepath.ToSlash(filepath.Clean(path))
	for {
		base := filepath.Base(dir)
		if base != result.ModelDir && base != result.BestDir && base != result.CheckpointsDir && !strings.HasPrefix(base, "step-") && !strings.HasPrefix(base, "seed-") {
			break
		}
		up := filepath.Dir(dir)
		if up == dir || up == "." {
			break
		}
		dir = up
	}
	if path == "" {
		return ""
	}
	if swept := sweptName(dir); swept != "" {
		return swept
	}
	return filepath.Base(dir)
}
