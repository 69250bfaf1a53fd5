package metrics

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/subbert/subbert/internal/tbevents"
)

// TensorBoard is a Recorder that writes an event file. Values are grouped into train and heldout.
type TensorBoard struct {
	to     *appender
	events *tbevents.Writer
}

// Tolerate is as for Lines.
func (t *TensorBoard) Tolerate(told func(error)) { t.to.told = told }

// OpenTensorBoard begins an event file in dir for a run that continues at step. host becomes part of the file's name
// and distinguishes writers; TensorBoard ignores the values of later steps in the other files of dir.
func OpenTensorBoard(dir, host string, step int) (_ *TensorBoard, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	now := time.Now()
	f, err := os.OpenFile(filepath.Join(dir, tbevents.FileName(now, host)), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	t := &TensorBoard{to: &appender{file: f}}
	if t.events, err = tbevents.NewWriter(t.to, now); err != nil {
		return nil, err
	}
	return t, t.Rewind(step)
}

// Record writes the values of a report as one event.
func (t *TensorBoard) Record(step int, values ...Value) error {
	scalars := make([]tbevents.Scalar, len(values))
	for i, v := range values {
		group, name := "train", v.Name
		if rest, ok := strings.CutPrefix(name, "heldout_"); ok {
			group, name = "heldout", rest
		}
		scalars[i] = tbevents.Scalar{Tag: group + "/" + name, Value: v.Value}
	}
	return t.events.Scalars(time.Now(), step, scalars...)
}

// Rewind tells TensorBoard to drop the values of steps after step.
func (t *TensorBoard) Rewind(step int) error { return t.events.Start(time.Now(), step) }

// Close syncs and closes the file.
func (t *TensorBoard) Close() error { return t.to.close() }
