package tfrecord

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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

func TestReadReturnsWhatWasWritten(t *testing.T) {
	want := []string{"", "a", strings.Repeat("long ", 5000), "\x00\xff", ""}
	r := NewReader(bytes.NewReader(write(t, want...)))
	var got []string
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(rec))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

func TestReadRefuses(t *testing.T) {
	good := write(t, "first", "second")
	flip := func(i int) []byte {
		b := bytes.Clone(good)
		b[i] ^= 1
		return b
	}
	huge := []byte{0, 0, 0, 0, 0, 0, 0, 0x40}
	c := checksum(huge)
	huge = append(huge, byte(c), byte(c>>8), byte(c>>16), byte(c>>24))
	for _, tt := range []struct {
		name string
		data []byte
		want string
	}{
		{"length", flip(21), "record at byte 21: length has checksum"},
		{"data", flip(34), "record at byte 21: data has checksum"},
		{"cut in the header", good[:25], "record at byte 21: unexpected EOF"},
		{"cut in the data", good[:len(good)-1], "record at byte 21: unexpected EOF"},
		{"cut after the header", good[:33], "record at byte 21: unexpected EOF"},
		{"huge", huge, "record at byte 0: length is 4611686018427387904, want at most"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := NewReader(bytes.NewReader(tt.data))
			if tt.name != "huge" {
				if _, err := r.Next(); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := r.Next(); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v, want one with %q", err, tt.want)
			}
		})
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestWriteReportsErrors(t *testing.T) {
	if err := NewWriter(failing{}).Write([]byte("x")); err == nil || err.Error() != "tfrecord: disk full" {
		t.Errorf("got error %v, want tfrecord: disk full", err)
	}
}

// Every single-bit error is found.
func FuzzReader(f *testing.F) {
	f.Add(write(f, "first", "second"), 3)
	f.Add([]byte{}, 0)
	f.Fuzz(func(t *testing.T, data []byte, bit int) {
		r := NewReader(bytes.NewReader(data))
		for {
			if _, err := r.Next(); err != nil {
				break
			}
		}
		file := write(t, string(data))
		bit = ((bit % (8 * len(file))) + 8*len(file)) % (8 * len(file))
		file[bit/8] ^= 1 << (bit % 8)
		if _, err := NewReader(bytes.NewReader(file)).Next(); err == nil {
			t.Errorf("bit %d of a record of %d bytes was flipped and not noticed", bit, len(data))
		}
	})
}
