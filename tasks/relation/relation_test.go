package relation

import (
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/subbert/subbert/internal/golden"
	"github.com/subbert/subbert/internal/parity"
	"github.com/subbert/subbert/models/bert"
	"github.com/subbert/subbert/models/heads"
	"github.com/subbert/subbert/tasks"
)

// TestRelationOfWholeLayer checks that a classifier over [CLS], of one layer or of several, has the same output whether the
// last layer is computed only at [CLS] or at all positions.
func TestRelationOfWholeLayer(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"cls":            func(c *Config) { c.Pooling = "cls" },
		"cls_raw":        func(c *Config) { c.Pooling = "cls_raw" },
		"several layers": func(c *Config) { c.Pooling, c.Relation.Layers = "cls_raw", []int{-1, 0, -2} },
		"attention":      func(c *Config) { c.Pooling = "attention" },
	} {
		t.Run(name, func(t *testing.T) {
			r := relationOf(t, change, 3)
			store, err := tasks.Create(r.Parameters(), 5)
			if err != nil {
				t.Fatal(err)
			}
			ids := golden.Tensor{Shape: []int{3, 8}}
			for i := range int32(24) {
				ids.Ints = append(ids.Ints, i*7%50)
			}
			inputs := golden.Tensors{"ids": ids, "lengths": {Shape: []int{3}, Ints: []int32{8, 5, 3}}}
			run := func(build func(s *model.Scope, ids, lengths *graph.Node) *graph.Node) golden.Tensors {
				got := parity.Run(t, store, inputs, func(s *model.Scope, in parity.Nodes) parity.Nodes {
					logits := build(s, in["ids"], in["lengths"])
					out := parity.Nodes{"logits": logits}
					out.Gradients(s, graph.ReduceAllSum(graph.Square(logits)))
					return out
				})
				for name := range got { // the true gradient of key biases is zero: the value is only rounding
					if strings.HasSuffix(name, "attention.self.key.bias") {
						delete(got, name)
					}
				}
				return got
			}
			want := run(func(s *model.Scope, ids, lengths *graph.Node) *graph.Node {
				whole := bert.Encode(s, r.bert, bert.Input{InputIDs: ids, Lengths: lengths}, r.options)
				logits, _ := r.head.Logits(s, r.bert, r.options, heads.RelationInput{Hidden: whole.Hidden, Lengths: lengths})
				return logits
			})
			got := run(func(s *model.Scope, ids, lengths *graph.Node) *graph.Node {
				logits, _ := r.logits(s, nil, []*graph.Node{ids, lengths})
				return logits
			})
			for _, fault := range golden.Diff(want, got, golden.Tolerance{Relative: 5e-6, Absolute: 1e-7}) {
				t.Error(fault)
			}
		})
	}
}
