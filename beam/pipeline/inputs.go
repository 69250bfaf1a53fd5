package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"github.com/subbert/subbert/data/request"
	"github.com/subbert/subbert/data/selection"
)

// Register registers the steps with Beam. A program calls it once, before beam.Init.
func Register() {
	register.DoFn3x1[context.Context, string, func(string), error](&findFn{})
	register.DoFn5x1[context.Context, int, func(*string) bool, func(string), func(string), error](&resolveFn{})
	register.DoFn3x1[context.Context, string, func(string), error](&writeFn{})
	register.DoFn4x1[context.Context, int, func(*string) bool, string, error](&finishFn{})
	register.DoFn3x1[context.Context, string, func(string), error](&spoolFn{})
	register.DoFn3x1[context.Context, int, func(*string) bool, error](&shuffleFn{})
	register.DoFn3x1[context.Context, string, func(string), error](&extractFn{})
	register.DoFn3x1[context.Context, int, func(*string) bool, error](&joinFn{})
	register.Emitter1[string]()
	register.Iter1[string]()
}

// Files expands names to files: patterns are matched, and directories made by data select become their parts.
func Files(ctx context.Context, names []string) ([]string, error) {
	var files []string
	for _, name := range names {
		if !strings.ContainsAny(name, "*?[") {
			parts, err := partsOf(ctx, name)
			if err != nil {
				return nil, err
			}
			files = append(files, parts...)
			continue
		}
		found, err := list(ctx, name)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("%s: no such file", name)
		}
		slices.Sort(found)
		files = append(files, found...)
	}
	return files, nil
}

// partsOf are the parts of a selection, or the file itself.
func partsOf(ctx context.Context, name string) (files []string, err error) {
	if !remote(name) {
		return request.Files([]string{name})
	}
	dir, err := os.MkdirTemp("", "subbert-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	done, err := published(ctx, name, cardName)
	if err != nil || !done {
		return []string{name}, err
	}
	if _, err := localCopy(ctx, join(name, cardName), dir); err != nil {
		return nil, err
	}
	parts, err := selection.Parts(dir)
	for i := range parts {
		parts[i] = join(name, parts[i])
	}
	return parts, err
}

// NewSelection checks a request and returns the pipeline of its selection.
func NewSelection(ctx context.Context, r request.Selection, files []string, out string, log *slog.Logger) (*beam.Pipeline, error) {
	err := trying(ctx, out, func(dir string) error {
		_, err := planSelection(ctx, r, files, dir, log)
		return err
	})
	if err != nil {
		return nil, err
	}
	p, s := beam.NewPipelineWithRoot()
	Select(s, r, files, out)
	return p, nil
}

// NewShards checks a request and returns the pipeline of its shards.
func NewShards(ctx context.Context, r request.Shards, files []string, out string) (*beam.Pipeline, error) {
	err := trying(ctx, out, func(dir string) error {
		_, err := planShards(ctx, r, dir)
		return err
	})
	if err != nil {
		return nil, err
	}
	p, s := beam.NewPipelineWithRoot()
	return p, Shard(s, r, files, out)
}

// trying calls do with a temporary directory, unless out exists.
func trying(ctx context.Context, out string, do func(dir string) error) error {
	there, err := list(ctx, join(out, "*"))
	if err != nil {
		return err
	}
	if len(there) > 0 {
		return &request.Misuse{Err: fmt.Errorf("%s already exists; remove it, or set another directory", out)}
	}
	dir, err := os.MkdirTemp("", "subbert-")
	if err != nil {
		return err
	}
	return errors.Join(do(filepath.Join(dir, "aids")), os.RemoveAll(dir))
}
