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

// Register tells Beam of the steps. A program calls it once, before beam.Init.
func Register() {
	register.DoFn3x1[context.Context, string, func(string), error](&findFn{})
	register.DoFn5x1[context.Context, int, func(*string) bool, func(string), func(string), error](&settleFn{})
	register.DoFn3x1[context.Context, string, func(string), error](&writeFn{})
	register.DoFn4x1[context.Context, int, func(*string) bool, string, error](&finishFn{})
	register.DoFn3x1[context.Context, string, func(string), error](&spoolFn{})
	register.DoFn3x1[context.Context, int, func(*string) bool, error](&shuffleFn{})
	register.Emitter1[string]()
	register.Iter1[string]()
}

// Files lists the files that names stand for: patterns are matched, directories made by data select become their parts.
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
			return nil, fmt.Errorf("%s: no file is called so", name)
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

// NewSelection returns the pipeline of a selection, once what it asks for is known to make sense.
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

// NewShards returns the pipeline of shards, once what it asks for is known to make sense.
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

// trying calls do with a directory for the time being, if nothing is at out yet.
func trying(ctx context.Context, out string, do func(dir string) error) error {
	there, err := list(ctx, join(out, "*"))
	if err != nil {
		return err
	}
	if len(there) > 0 {
		return &request.Misuse{Err: fmt.Errorf("%s is there already; remove it or name another directory", out)}
	}
	dir, err := os.MkdirTemp("", "subbert-")
	if err != nil {
		return err
	}
	return errors.Join(do(filepath.Join(dir, "aids")), os.RemoveAll(dir))
}
