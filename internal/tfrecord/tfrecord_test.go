package tfrecord

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"
)

func write(t testing.TB, records ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := NewWriter(&b)
	for _, r := range records {
		if err := w.Write([]byte(r)); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

// The bytes TensorBoard's own RecordWriter writes for "abc" (scripts/tbevents.py checks them).
const abc = "0300000000000000" + "b099490e" + "616263" + "6e57f121"

func TestWriteIsTheKnownForm(t *testing.T) {
	if got := hex.EncodeToString(write(t, "abc")); got != abc {
		t.Errorf("got %s, want %s", got, abc)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestWriteReportsErrors(t *testing.T) {
	if err := NewWriter(failing{}).Write([]byte("x")); err == nil || err.Error() != "tfrecord: disk full" {
		t.Errorf("got error %v, want tfrecord: disk full", err)
	}
}
