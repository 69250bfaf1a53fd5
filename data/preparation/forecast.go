package preparation

import (
	"cmp"
	"context"
	"errors"
	"os"
	"time"

	"github.com/subbert/subbert/data/documents"
	"github.com/subbert/subbert/data/shards"
)

// Forecast is an estimate of a run's time and disk space, from the beginning of its largest file.
type Forecast struct {
	Files     int
	Bytes     int64 // of the files on the disk
	Out, Work int64 // approximate bytes of the shards, and of the temporary files beside them
	Duration  time.Duration
}

// sampleTime and sampleBytes bound the time and the text of a Forecast.
const (
	sampleTime  = 500 * time.Millisecond
	sampleBytes = 8 << 20
)

// mergeShare is the measured ratio of the second pass's time to the first's: docs/experiments.md.
const mergeShare = 0.1

// Forecast estimates the time and disk space of Run. It leaves errors of files that cannot be read to Run.
func (p *Plan) Forecast(ctx context.Context) (Forecast, error) {
	f := Forecast{Files: len(p.Files)}
	all, largest, err := sizes(p.Files)
	if err != nil {
		return f, err
	}
	f.Bytes = all
	if info, err := os.Stat(largest); err != nil || !info.Mode().IsRegular() {
		return f, cmp.Or(err, errors.New(largest+": can be read once only"))
	}
	file, err := documents.Open(ctx, largest, documents.Options{Form: p.Form})
	if err != nil {
		return f, err
	}
	defer file.Close() // only read from
	started := time.Now()
	var tokens, work, text int
	e := NewEncoder(p.NewTokenizer(), p.Splitter, p.Unknown)
	var d shards.Document
	var spooled []byte
	for r, err := range file.Records() {
		if err != nil || ctx.Err() != nil || text > sampleBytes || time.Since(started) > sampleTime {
			break
		}
		e.Encode(&d, &r.Document)
		spooled = appendDocument(spooled[:0], 0, 0, false, &d)
		text, tokens, work = text+d.TextBytes, tokens+len(d.IDs), work+len(spooled)
	}
	scale := float64(f.Bytes) / float64(max(1, file.BytesRead()))
	f.Out = int64(float64(tokens) * float64(shards.IDBits(p.Vocabulary.Size)) / 8 * scale)
	f.Work = int64(float64(work) * scale)
	first := float64(time.Since(started)) * scale
	f.Duration = time.Duration(first/float64(max(1, p.Workers)) + first*mergeShare)
	return f, nil
}
