// Package wire walks the fields of protocol buffers without their generated code.
package wire

import "google.golang.org/protobuf/encoding/protowire"

// Fields calls each for every field of message, in order, with its number, and with its value if it is a varint or a
// fixed 32-bit number, or with its bytes if it is length-delimited. The bytes of an empty field are not nil; groups and
// 64-bit numbers have neither value nor bytes. An error of each ends the walk.
func Fields(message []byte, each func(number protowire.Number, v uint64, body []byte) error) error {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return protowire.ParseError(n)
		}
		message = message[n:]
		var v uint64
		var body []byte
		switch kind {
		case protowire.VarintType:
			v, n = protowire.ConsumeVarint(message)
		case protowire.Fixed32Type:
			var x uint32
			x, n = protowire.ConsumeFixed32(message)
			v = uint64(x)
		case protowire.BytesType:
			if body, n = protowire.ConsumeBytes(message); body == nil {
				body = []byte{}
			}
		default:
			n = protowire.ConsumeFieldValue(number, kind, message)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		message = message[n:]
		if err := each(number, v, body); err != nil {
			return err
		}
	}
	return nil
}
