package report

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"slices"
	"strconv"

	"github.com/subbert/subbert/internal/ctxio"
	"github.com/subbert/subbert/internal/regularfile"
	"github.com/subbert/subbert/runs/result"
)

// Point holds the values that a run recorded at a step.
type Point struct {
	Step   int
	Values map[string]float64 // NaN for a value that was not finite
}

// maxLine is the size of the longest line of a metrics.jsonl, in bytes.
const maxLine = 1 << 18

// readMetrics reads JSON lines. Lines of one step are one point; if a step was recorded twice, as after an
// interruption, the later value counts. A last line without an end is skipped with a note, because the run may still be
// writing it.
//
// If ctx ends, it returns the error of ctx. It calls read, if not nil, with the number of bytes read and the size of
// the file.
func readMetrics(ctx context.Context, path string, read func(done, size int64)) ([]Point, []string, error) {
	in, err := openMetrics(ctx, path, read)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	defer in.Close() // opened for reading only
	var notes []string
	byStep := map[int]map[string]float64{}
	lines := bufio.NewReaderSize(in, maxLine)
	for n, more := 1, true; more; n++ {
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			return nil, nil, fmt.Errorf("%s: line %d: more than %d bytes", path, n, len(line))
		}
		if err != nil && err != io.EOF {
			return nil, nil, err
		}
		more = err == nil
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		p, err := parsePoint(line)
		if err != nil && !more {
			notes = append(notes, fmt.Sprintf("skipped line %d of %s, which is incomplete", n, path))
			break
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%s: line %d: %w", path, n, err)
		}
		merge(byStep, p)
	}
	points := make([]Point, 0, len(byStep))
	for step, values := range byStep {
		points = append(points, Point{step, values})
	}
	slices.SortFunc(points, func(a, b Point) int { return a.Step - b.Step })
	return points, notes, nil
}

// openMetrics opens a metrics.jsonl. Reads fail once ctx ends.
func openMetrics(ctx context.Context, path string, read func(done, size int64)) (io.ReadCloser, error) {
	var size, done int64
	if info, err := os.Stat(path); err == nil {
		if err := regularfile.Check(info); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		size = info.Size()
	}
	return ctxio.Open(ctx, path, func(n int) {
		if done += int64(n); read != nil {
			read(done, size)
		}
	})
}

func merge(byStep map[int]map[string]float64, p Point) {
	if byStep[p.Step] == nil {
		byStep[p.Step] = p.Values
		return
	}
	for k, v := range p.Values {
		byStep[p.Step][k] = v
	}
}

// parsePoint reads one line: an object with "step" and numbers. JSON has no NaN, so null and the names of NaN and the
// infinities mean NaN.
func parsePoint(line []byte) (Point, error) {
	var raw map[string]any
	if err := json.Unmarshal(line, &raw); err != nil {
		return Point{}, result.PlainJSON(err)
	}
	step, ok := raw["step"].(float64)
	if !ok || step < 0 || step != math.Trunc(step) {
		return Point{}, fmt.Errorf("step is %v, want a whole number", raw["step"])
	}
	delete(raw, "step")
	p := Point{Step: int(step), Values: make(map[string]float64, len(raw))}
	for key, value := range raw {
		switch v := value.(type) {
		case float64:
			p.Values[key] = v
		case nil:
			p.Values[key] = math.NaN()
		case string:
			f, err := strconv.ParseFloat(v, 64)
			if err != nil {
				return Point{}, fmt.Errorf("%s is %q, want a number", key, v)
			}
			p.Values[key] = finiteOrNaN(f)
		default:
			return Point{}, fmt.Errorf("%s is %v, want a number", key, value)
		}
	}
	return p, nil
}

func finiteOrNaN(f float64) float64 {
	if math.IsInf(f, 0) {
		return math.NaN()
	}
	return f
}

// hours returns the time of each point since the start of the run. If the clock starts over, because another process
// continued the run, hours adds it to the time before. It returns nil if the run recorded no time.
func (s Series) hours() []float64 {
	out := make([]float64, len(s.Points))
	before, last := 0.0, 0.0
	known := false
	for i, p := range s.Points {
		if sec, ok := p.Values["seconds"]; ok && !math.IsNaN(sec) {
			known = true
			if sec < last {
				before += last
			}
			last = sec
		}
		out[i] = (before + last) / 3600
	}
	if !known {
		return nil
	}
	return out
}

// tokens returns the number of positions trained on at each point: as recorded, or perStep for each step. It returns
// nil if neither is known.
func (s Series) tokens(perStep float64) []float64 {
	out := make([]float64, len(s.Points))
	last := 0.0
	for i, p := range s.Points {
		if n, ok := p.Values["tokens"]; ok && !math.IsNaN(n) {
			last = n
		} else if perStep > 0 {
			last = perStep * float64(p.Step)
		}
		out[i] = last
	}
	if last == 0 {
		return nil
	}
	return out
}

// steps returns the step of each point.
func (s Series) steps() []float64 {
	out := make([]float64, len(s.Points))
	for i, p := range s.Points {
		out[i] = float64(p.Step)
	}
	return out
}

// values returns the values recorded under key, with the place on the axis x of each point that has one, and the number
// of values that were not finite.
func (s Series) values(key string, axis []float64) (x, y []float64, skipped int) {
	for i, p := range s.Points {
		v, ok := p.Values[key]
		switch {
		case !ok:
		case math.IsNaN(v):
			skipped++
		default:
			x, y = append(x, axis[i]), append(y, v)
		}
	}
	return x, y, skipped
}
