package wire

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"
)

func TestFields(t *testing.T) {
	m := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 300)
	m = protowire.AppendFixed32(protowire.AppendTag(m, 2, protowire.Fixed32Type), 7)
	m = protowire.AppendFixed64(protowire.AppendTag(m, 3, protowire.Fixed64Type), 8)
	m = protowire.AppendBytes(protowire.AppendTag(m, 4, protowire.BytesType), []byte("text"))
	m = protowire.AppendBytes(protowire.AppendTag(m, 5, protowire.BytesType), nil)
	var got []string
	err := Fields(m, func(number protowire.Number, v uint64, body []byte) error {
		got = append(got, fmt.Sprintf("%d %d %q %t", number, v, body, body == nil))
		return nil
	})
	want := []string{`1 300 "" true`, `2 7 "" true`, `3 0 "" true`, `4 0 "text" false`, `5 0 "" false`}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if err := Fields(m[:len(m)-3], func(protowire.Number, uint64, []byte) error { return nil }); err == nil {
		t.Error("a message that is cut off gives no error")
	}
}
