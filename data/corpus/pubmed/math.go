package pubmed

import (
	"bytes"
	"slices"
	"unicode/utf8"

	"github.com/subbert/subbert/data/corpus/xmlpull"
)

// MathML is converted to a line of text as people type it: scripts follow their base, fractions get a slash, and
// spaces surround relations and binary operators and follow commas.

// spaced are the operators with space on both sides when something stands before them.
const spaced = "=<>≤≥≠≈≃≅∼~≡∝±∓×÷·⋅∗*+-−–→←↔⇒⇐⇔∈∉⊂⊆∪∩∧∨≪≫≲≳:∣"

// unaryAfter are the characters after which + and - are signs.
const unaryAfter = "([{⟨,;=<>≤≥≈±×/^ "

// appendMath appends the text of a <math> element, whose start tag has been read.
func appendMath(dst []byte, x *xmlpull.Reader) []byte {
	m := mathWriter{x: x, start: len(dst), dst: dst}
	m.row("")
	return m.dst
}

type mathWriter struct {
	x     *xmlpull.Reader
	dst   []byte
	start int // where in dst the formula begins
	token []byte
}

// row writes the children of the current element, with between put between them.
func (m *mathWriter) row(between string) {
	for n := 0; m.x.Child(); n++ {
		if n > 0 {
			m.dst = append(m.dst, between...)
		}
		m.element()
	}
}

func (m *mathWriter) element() {
	name := m.x.Name()
	switch string(name[bytes.IndexByte(name, ':')+1:]) {
	case "mi", "mn", "ms":
		m.dst = append(m.dst, m.read()...)
	case "mtext":
		m.dst = m.x.AppendText(m.dst)
	case "mo":
		m.operator(m.read())
	case "mspace", "none", "mprescripts":
		m.x.Skip()
		m.dst = append(m.dst, ' ')
	case "mfrac":
		m.row("/")
	case "msqrt", "mroot":
		m.dst = append(m.dst, "√"...)
		m.row("")
	case "mtable", "mtr", "mlabeledtr":
		m.row(" ")
	case "mfenced":
		m.fenced()
	case "annotation", "annotation-xml", "mphantom":
		m.x.Skip()
	default:
		m.row("")
	}
}

// read reads a token element.
func (m *mathWriter) read() []byte {
	m.token = normalise(m.x.AppendText(m.token[:0]))
	return m.token
}

func (m *mathWriter) operator(op []byte) {
	c, n := utf8.DecodeRune(op)
	written := m.dst[m.start:]
	switch {
	case n == 0 || n == len(op) && c >= 0x2061 && c <= 0x2064: // invisible: function application, times, comma, plus
	case n == len(op) && (c == ',' || c == ';'):
		m.dst = append(append(m.dst, op...), ' ')
	case n == len(op) && !slices.Contains([]rune(spaced), c) || len(written) == 0:
		m.dst = append(m.dst, op...)
	case (c == '+' || c == '-' || c == '−') && signHere(written):
		m.dst = append(m.dst, op...)
	default:
		m.dst = append(append(append(m.dst, ' '), op...), ' ')
	}
}

// signHere reports whether a plus or minus after the text written is a sign.
func signHere(written []byte) bool {
	last, _ := utf8.DecodeLastRune(written)
	return slices.Contains([]rune(unaryAfter), last)
}

// fenced writes an element whose attributes name its brackets and separators.
func (m *mathWriter) fenced() {
	left, right := m.x.Attr(nil, "open"), m.x.Attr(nil, "close")
	if len(left) == 0 {
		left = []byte("(")
	}
	if len(right) == 0 {
		right = []byte(")")
	}
	m.dst = append(m.dst, left...)
	m.row(", ")
	m.dst = append(m.dst, right...)
}
