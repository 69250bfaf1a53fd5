package bulk

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/extract"
)

// Forecast estimates what a run will take, from the beginning of its largest file.
type Forecast struct {
	Files     int
	Bytes     int64 // of the files, as stored on disk
	Pairs     int   // an estimate
	PerSecond float64
	Duration  time.Duration // 0 if it cannot be estimated
}

// Sizes of the sample: the time to read pairs, and pairs that are predicted. A decompressor reads ahead, so a short sample
// of a small file would count far too few pairs; within the time small files are read to their end.
const (
	sampleTime      = time.Second
	samplePredicted = 64
)

// Forecast estimates what Run would take from the beginning. It ignores files that cannot be read; Run reports them.
func (p Plan) Forecast(ctx context.Context, model *extract.Model) (Forecast, error) {
	f := Forecast{Files: len(p.Files)}
	if err := p.complete(); err != nil {
		return f, err
	}
	var largest string
	most := int64(-1)
	for _, name := range p.Files {
		info, err := os.Stat(name)
		if err != nil {
			return f, err
		}
		if !info.Mode().IsRegular() {
			return f, fmt.Errorf("%s: can be read once only", name)
		}
		if f.Bytes += info.Size(); info.Size() > most {
			largest, most = name, info.Size()
		}
	}
	quiet := func(string) {}
	p.Files, p.Chunk, p.Strict, p.Note, p.Broken = []string{largest}, 64, false, quiet, func(error) {}
	j := job{Plan: &p, model: model, settings: settingsOf(model), told: map[[2]string]bool{}}
	var sample []relations.Example
	pairs, read, whole, started := 0, int64(0), true, time.Now()
	for c, err := range p.chunks(ctx, position{}) {
		if err != nil {
			return f, err
		}
		pairs, read = pairs+len(c.examples), c.read
		if len(sample) < samplePredicted {
			sample = append(sample, c.examples...)
		}
		if time.Since(started) > sampleTime {
			whole = false
			break
		}
	}
	if whole {
		read = most
	}
	if read == 0 || len(sample) == 0 {
		return f, ctx.Err()
	}
	f.Pairs = int(float64(pairs) * float64(f.Bytes) / float64(read))
	sample = sample[:min(len(sample), samplePredicted)]
	for range 2 { // the first pass compiles
		started = time.Now()
		for _, err := range model.PredictPart(ctx, alike, j.shown(sample)) {
			if err != nil {
				return f, err
			}
		}
	}
	f.PerSecond = float64(len(sample)) / time.Since(started).Seconds()
	f.Duration = time.Duration(float64(f.Pairs) / f.PerSecond * float64(time.Second))
	return f, nil
}
