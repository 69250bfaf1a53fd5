package request

import (
	"context"
	"fmt"
	"iter"

	"github.com/subbert/subbert/data/corpus"
	"github.com/subbert/subbert/data/relations"
)

// Stream returns the examples of a file or corpus in its order. Reading fails when ctx ends. For formats that annotate
// whole abstracts Stream uses the splitter of package corpus, unless o has one.
func Stream(ctx context.Context, format, name string, o relations.Options) (iter.Seq2[relations.Example, error], error) {
	if relations.NeedsSentences(format) && o.Sentences == nil {
		splitter, err := corpus.NewSplitter()
		if err != nil {
			return nil, err
		}
		o.Sentences = splitter.Split
	}
	o.Context = ctx
	return func(yield func(relations.Example, error) bool) {
		for x, err := range relations.Read(format, name, o) {
			if ctx.Err() != nil { // even if an example was read
				x, err = relations.Example{}, fmt.Errorf("%s: %w", name, ctx.Err())
			}
			if !yield(x, err) || err != nil {
				return
			}
		}
	}, nil
}

// Examples returns all examples of Stream. A file without examples is an error.
func Examples(ctx context.Context, format, name string, o relations.Options) ([]relations.Example, error) {
	stream, err := Stream(ctx, format, name, o)
	if err != nil {
		return nil, err
	}
	examples, err := relations.Collect(stream)
	if err == nil && len(examples) == 0 {
		err = fmt.Errorf("%s: no pairs of mentions", name)
	}
	return examples, err
}
