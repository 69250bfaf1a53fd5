// Package tbevents writes scalars as TensorBoard event files.
//
// An event file is a tfrecord file of Event messages (tensorflow/core/util/event.proto): the first states the
// version of the format, the others hold the wall time, the step and the values of one report. A resumed run
// writes another file into the same directory; Start tells TensorBoard to drop the later steps of an
// interrupted predecessor.
//
// Only scalars are written, as simple_value, which all versions of TensorBoard read.
package tbevents

import (
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// Field numbers of the messages Event, Summary, Summary.Value and SessionLog.
const (
	eventWallTime    = 1
	eventStep        = 2
	eventFileVersion = 3
	eventSummary     = 5
	eventSessionLog  = 7

	summaryValue = 1

	valueTag         = 1
	valueSimpleValue = 2

	sessionStatus = 1
	statusStart   = 1
)

// fileVersion is the version in the first event of a file.
const fileVersion = "brain.Event:2"

// Scalar is one named number. TensorBoard groups tags by the text before the first slash.
type Scalar struct {
	Tag   string
	Value float64 // kept as a float32
}

// FileName is the name under which TensorBoard finds a file of events begun at t on the named host.
func FileName(t time.Time, host string) string {
	clean := strings.Map(func(r rune) rune {
		if r == '/' || r == '\\' || r == 0 {
			return '_'
		}
		return r
	}, host)
	return fmt.Sprintf("events.out.tfevents.%010d.%s", t.Unix(), clean)
}

// Writer writes events. It is not for concurrent use.
type Writer struct {
	records *records
	event   []byte // reused
	nested  []byte
	value   []byte
}

// NewWriter writes the first event of a file, begun at t, to w and returns a Writer for the others. Every call
// of a method is one Write on w.
func NewWriter(w io.Writer, t time.Time) (*Writer, error) {
	e := &Writer{records: &records{w: w}}
	e.begin(t)
	e.event = protowire.AppendTag(e.event, eventFileVersion, protowire.BytesType)
	e.event = protowire.AppendString(e.event, fileVersion)
	if err := e.records.write(e.event); err != nil {
		return nil, fmt.Errorf("tbevents: %w", err)
	}
	return e, nil
}

// Start records that the run continues after step: TensorBoard then ignores later steps in the other files
// of the directory.
func (e *Writer) Start(t time.Time, step int) error {
	e.begin(t)
	e.step(step + 1) // TensorBoard drops this step and those after it
	e.nested = protowire.AppendTag(e.nested[:0], sessionStatus, protowire.VarintType)
	e.nested = protowire.AppendVarint(e.nested, statusStart)
	e.event = protowire.AppendTag(e.event, eventSessionLog, protowire.BytesType)
	e.event = protowire.AppendBytes(e.event, e.nested)
	return e.end()
}

// Scalars records values as of step at wall time t. NaN and infinities are kept: TensorBoard marks them.
func (e *Writer) Scalars(t time.Time, step int, values ...Scalar) error {
	e.begin(t)
	e.step(step)
	e.nested = e.nested[:0]
	for _, v := range values {
		e.value = protowire.AppendTag(e.value[:0], valueTag, protowire.BytesType)
		e.value = protowire.AppendString(e.value, v.Tag)
		e.value = protowire.AppendTag(e.value, valueSimpleValue, protowire.Fixed32Type)
		e.value = protowire.AppendFixed32(e.value, math.Float32bits(float32(v.Value)))
		e.nested = protowire.AppendTag(e.nested, summaryValue, protowire.BytesType)
		e.nested = protowire.AppendBytes(e.nested, e.value)
	}
	e.event = protowire.AppendTag(e.event, eventSummary, protowire.BytesType)
	e.event = protowire.AppendBytes(e.event, e.nested)
	return e.end()
}

// begin starts an event at wall time t, which is kept in seconds.
func (e *Writer) begin(t time.Time) {
	seconds := float64(t.Unix()) + float64(t.Nanosecond())/1e9
	e.event = protowire.AppendTag(e.event[:0], eventWallTime, protowire.Fixed64Type)
	e.event = protowire.AppendFixed64(e.event, math.Float64bits(seconds))
}

func (e *Writer) step(n int) {
	e.event = protowire.AppendTag(e.event, eventStep, protowire.VarintType)
	e.event = protowire.AppendVarint(e.event, uint64(n))
}

func (e *Writer) end() error {
	if err := e.records.write(e.event); err != nil {
		return fmt.Errorf("tbevents: %w", err)
	}
	return nil
}
