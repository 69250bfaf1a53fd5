// Package metrics records the values that a run observes.
//
// The primary record is a file of JSON lines, one object for each report: "step" first, then the values in the
// order they were observed. Everything else (progress, TensorBoard) is a view of the same calls.
package metrics

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"

	"github.com/subbert/subbert/internal/atomicfile"
)

// Value is one named number of a report.
type Value struct {
	Name  string
	Value float64
}

// Recorder records the values that a run observes. Record is called from one goroutine, with steps that
// never decrease.
type Recorder interface {
	Record(step int, values ...Value) error
	io.Closer
}

// Rewinder is a Recorder that can drop the reports after a step, for a run that returns to it.
type Rewinder interface {
	Rewind(step int) error
}

// Lines is a Recorder that appends JSON lines to a file. Each line is written whole, at once, unless the disk is full.
type Lines struct {
	path  string
	to    appender
	line  []byte
	there map[string]bool // lines of the step that the run continues from
}

// Tolerate makes a report that cannot be written not an error: told is called with the cause, and the report is written
// with the next one. A report that still cannot be written at Close is an error.
func (l *Lines) Tolerate(told func(error)) { l.to.told = told }

// OpenLines opens the file of JSON lines at path for a run that continues at step. It drops the lines of later
// steps, which the resumed run writes again, and a last line that a crash cut short. It does not write a line of that
// step twice, such as that of an evaluation that is made up. A missing file is created.
func OpenLines(path string, step int) (*Lines, error) {
	there, err := dropAfter(path, step)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	return &Lines{path: path, to: appender{file: f}, there: there}, nil
}

// dropAfter rewrites the file at path without the lines of steps after step, and returns the lines of step.
func dropAfter(path string, step int) (there map[string]bool, err error) {
	old, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	there = map[string]bool{}
	var kept bytes.Buffer
	lines := bufio.NewScanner(bytes.NewReader(old))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var at struct {
			Step *int `json:"step"`
		}
		if json.Unmarshal(lines.Bytes(), &at) != nil || at.Step == nil || *at.Step > step {
			continue
		}
		kept.Write(lines.Bytes())
		kept.WriteByte('\n')
		if *at.Step == step {
			there[lines.Text()+"\n"] = true
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if kept.Len() == len(old) {
		return there, nil
	}
	return there, atomicfile.WriteBytes(path, kept.Bytes())
}

// digits are those that are recorded of a value.
const digits = 9

// Rounded returns v as ReadLines reads it after it was recorded.
func Rounded(v float64) float64 {
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', digits, 64), 64)
	if err != nil {
		return v // it is no finite number
	}
	return rounded
}

// ReadLines passes every report of the file of JSON lines at path to record, in order. Nulls are left out.
func ReadLines(path string, record func(step int, values ...Value) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		step, values, err := parseLine(lines.Bytes())
		if err == nil {
			err = record(step, values...)
		}
		if err != nil {
			return fmt.Errorf("%s:%d: %w", path, n, err)
		}
	}
	return lines.Err()
}

// parseLine is the inverse of what Record writes; it keeps the order of the values.
func parseLine(line []byte) (step int, values []Value, err error) {
	dec := json.NewDecoder(bytes.NewReader(line))
	if _, err := dec.Token(); err != nil { // the brace
		return 0, nil, err
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return 0, nil, err
		}
		value, err := dec.Token()
		if err != nil {
			return 0, nil, err
		}
		number, ok := value.(float64)
		switch {
		case name == "step":
			step = int(number)
		case ok:
			values = append(values, Value{Name: fmt.Sprint(name), Value: number})
		}
	}
	return step, values, nil
}

// Record appends one line. Numbers that JSON does not have (NaN, infinities) become null.
func (l *Lines) Record(step int, values ...Value) error {
	l.line = append(l.line[:0], `{"step":`...)
	l.line = strconv.AppendInt(l.line, int64(step), 10)
	for _, v := range values {
		l.line = append(l.line, ',')
		l.line = strconv.AppendQuote(l.line, v.Name)
		l.line = append(l.line, ':')
		if math.IsNaN(v.Value) || math.IsInf(v.Value, 0) {
			l.line = append(l.line, "null"...)
		} else {
			l.line = strconv.AppendFloat(l.line, v.Value, 'g', digits, 64)
		}
	}
	l.line = append(l.line, "}\n"...)
	if l.there[string(l.line)] {
		return nil
	}
	_, err := l.to.Write(l.line)
	return err
}

// Rewind drops the lines of steps after step.
func (l *Lines) Rewind(step int) error {
	if err := l.Close(); err != nil {
		return err
	}
	again, err := OpenLines(l.path, step)
	if err != nil {
		return err
	}
	l.to.file = again.to.file
	return nil
}

// Close syncs and closes the file.
func (l *Lines) Close() error { return l.to.close() }

// Tee is a Recorder that passes every report to each of its members, in order.
type Tee []Recorder

// Record reports to every member; the errors are joined.
func (t Tee) Record(step int, values ...Value) error {
	var errs []error
	for _, r := range t {
		errs = append(errs, r.Record(step, values...))
	}
	return errors.Join(errs...)
}

// Rewind rewinds every member that is a Rewinder.
func (t Tee) Rewind(step int) error {
	var errs []error
	for _, r := range t {
		if r, ok := r.(Rewinder); ok {
			errs = append(errs, r.Rewind(step))
		}
	}
	return errors.Join(errs...)
}

// Close closes every member; the errors are joined.
func (t Tee) Close() error {
	var errs []error
	for _, r := range t {
		errs = append(errs, r.Close())
	}
	return errors.Join(errs...)
}
