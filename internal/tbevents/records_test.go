package tbevents

import (
	"bytes"
	"encoding/hex"
	"testing"
)

// The bytes TensorBoard's own RecordWriter writes for "abc" (scripts/tbevents.py checks them).
const abc = "0300000000000000" + "b099490e" + "616263" + "6e57f121"

func TestRecordIsTheKnownForm(t *testing.T) {
	var b bytes.Buffer
	if err := (&records{w: &b}).write([]byte("abc")); err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(b.Bytes()); got != abc {
		t.Errorf("got %s, want %s", got, abc)
	}
}
