package selection

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/subbert/subbert/data/documents"
)

// Forecast is an estimate of a run's time and disk space, from the beginning of its largest file.
type Forecast struct {
	Files    int
	Bytes    int64 // of the files on the disk
	Out      int64 // approximate bytes of the parts; temporary files need as much again
	Duration time.Duration
}

// sampleTime and sampleRecords bound the time and the records of a Forecast.
const (
	sampleTime    = time.Second
	sampleRecords = 5000
)

// Forecast estimates the time and disk space of Run. It leaves errors of files that cannot be read to Run.
func (p *Plan) Forecast(ctx context.Context) (Forecast, error) {
	f := Forecast{Files: len(p.Files)}
	var largest string
	var most int64
	for _, name := range p.Files {
		info, err := os.Stat(name)
		if err != nil {
			return Forecast{}, err
		}
		if f.Bytes += info.Size(); info.Size() > most {
			largest, most = name, info.Size()
		}
	}
	src, err := documents.Open(ctx, largest, documents.Options{Form: p.Format})
	if err != nil {
		return Forecast{}, err
	}
	defer src.Close() // only read from
	started := time.Now()
	size, err := p.sample(ctx, src, started)
	if err != nil {
		return Forecast{}, err
	}
	scale := float64(f.Bytes) / float64(max(1, src.BytesRead()))
	f.Out = int64(float64(size) * scale)
	f.Duration = time.Duration(float64(time.Since(started)) * scale / float64(max(1, min(p.Workers, len(p.Files)))))
	return f, nil
}

// sample returns the bytes that are selected from the first records of src.
func (p *Plan) sample(ctx context.Context, src *documents.File, started time.Time) (int64, error) {
	var out counter
	z, err := zstd.NewWriter(&out, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return 0, err
	}
	w := (&selector{Plan: *p}).partWriter(&Task{})
	f := finder{selector: w.selector, task: &Task{}}
	n := 0
	for r, err := range src.Records() {
		if n++; err != nil || ctx.Err() != nil || n > sampleRecords || time.Since(started) > sampleTime {
			break
		}
		if r.Citation != nil && r.Citation.Deleted || !f.wanted(&r) {
			continue
		}
		line, err := w.document(&r.Document).MarshalJSON()
		if err != nil {
			return 0, err
		}
		if _, err := z.Write(append(line, '\n')); err != nil {
			return 0, err
		}
	}
	return int64(out), z.Close()
}

// counter counts the bytes written to it.
type counter int64

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return io.Discard.Write(b)
}

func (f Forecast) String() string {
	return fmt.Sprintf("%d files of %.1f MB; roughly %.1f MB to write, %s", f.Files, float64(f.Bytes)/1e6, float64(f.Out)/1e6,
		f.Duration.Round(time.Second))
}
