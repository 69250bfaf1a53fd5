package xmlpull

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// tokens reads a document to its end: start tags with attributes, ends, text put together.
func tokens(in io.Reader) ([]string, error) {
	r := New(in, Config{Records: []string{"rec"}})
	if r.Root() == "" {
		return nil, r.Err()
	}
	list := []string{start(r)}
	text := ""
	for depth := 1; ; {
		kind := r.Next()
		if kind == Text {
			text += string(r.Text())
			continue
		}
		if text != "" {
			list = append(list, "t:"+text)
			text = ""
		}
		switch kind {
		case Start:
			list = append(list, start(r))
			depth++
		case End:
			list = append(list, "e")
			depth--
		case None:
			if r.Err() == nil && depth != 0 {
				return list, errors.New("ended within the document without an error")
			}
			return list, r.Err()
		}
	}
}

func start(r *Reader) string {
	s := "s:" + string(r.Name())
	for _, a := range r.attrs {
		s += fmt.Sprintf(" %s=%q", a.name, r.Attr(nil, string(a.name)))
	}
	return s
}

func TestTokens(t *testing.T) {
	tests := []struct {
		name, in string
		want     []string
	}{
		{"empty element", `<a/>`, []string{"s:a", "e"}},
		{"prolog and epilog", "\ufeff<?xml version='1.0' encoding='UTF-8'?>\r\n<!DOCTYPE a SYSTEM \"a.dtd\">\n<!-- x > y -->\n<a></a>\n<!-- z --> ",
			[]string{"s:a", "e"}},
		{"attributes", `<a x = "1" y='2 "&lt;&#65;>' z="é	t"/>`, []string{`s:a x="1" y="2 \"<A>" z="é t"`, "e"}},
		{"references", `<a>&lt;&gt;&amp;&quot;&apos;&#945;&#x3B1;&#x1F600;</a>`, []string{"s:a", `t:<>&"'αα😀`, "e"}},
		{"line ends", "<a>x\r\ny\rz\n</a>", []string{"s:a", "t:x\ny\nz\n", "e"}},
		{"brackets", "<a>[[1]] ]] > ]</a>", []string{"s:a", "t:[[1]] ]] > ]", "e"}},
		{"cdata", "<a>x<![CDATA[<b>&amp;]]]>y</a>", []string{"s:a", "t:x<b>&amp;]y", "e"}},
		{"nested", "<a><b:c d='e'>f<g/></b:c >h</a>", []string{"s:a", `s:b:c d="e"`, "t:f", "s:g", "e", "e", "t:h", "e"}},
		{"asides within", "<a>x<!-- <b> --><?pi <?>y</a>", []string{"s:a", "t:xy", "e"}},
		{"beyond ASCII", "<é>日本語</é>", []string{"s:é", "t:日本語", "e"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, in := range []io.Reader{strings.NewReader(test.in), iotest.OneByteReader(strings.NewReader(test.in)),
				iotest.DataErrReader(strings.NewReader(test.in))} {
				got, err := tokens(in)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			}
		})
	}
}

func TestFaults(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"mismatch", "<a>\n<b></c></a>", `line 2 (byte 7): end tag </c>, want </b>`},
		{"prefix of the name", "<ab></a>", `end tag </a>, want </ab>`},
		{"end alone", "</a>", `end tag </a> without a start tag`},
		{"broken end", "<a></a b>", `broken end tag`},
		{"truncated in text", "<a>xyz", `byte 6): unexpected EOF: no </a>; the file is truncated`},
		{"truncated in a tag", "<a><b x='1", `no </a>`},
		{"truncated after <", "<a><", `no </a>`},
		{"nothing", "", `no element`},
		{"only space", " \n ", `no element`},
		{"text before", "x<a/>", `text outside the root element`},
		{"text after", "<a/>x", `text outside the root element`},
		{"reference after", "<a/>&#65;", `text outside the root element`},
		{"second root", "<a/>\n<b/>", `line 2 (byte 5): <b> after the end of the root element`},
		{"two documents", "<?xml version='1.0'?><a/><?xml version='1.0'?><a/>", `after the end of the root element`},
		{"entity", "<a>&nbsp;</a>", `unknown entity &nbsp;`},
		{"plain ampersand", "<a>R & D</a>", `not a reference; write a plain & as &amp;`},
		{"ampersand at the end", "<a>&am", `"&am" is not a reference`},
		{"surrogate", "<a>&#xD800;</a>", `&#xD800; is not a character`},
		{"zero", "<a>&#0;</a>", `is not a character`},
		{"too great", "<a>&#x110000;</a>", `is not a character`},
		{"sign", "<a>&#+65;</a>", `is not a character`},
		{"control", "<a>\x01</a>", `illegal character U+0001`},
		{"FFFE", "<a>\ufffe</a>", `illegal character U+FFFE`},
		{"UTF-8", "<a>caf\xe9</a>", `byte 6): invalid UTF-8`},
		{"UTF-8 in an attribute", "<a b='\xff'/>", `attribute: invalid UTF-8`},
		{"UTF-8 in a name", "<\xff/>", `broken tag`},
		{"UTF-8 in a comment", "<a><!-- \xff --></a>", `comment: invalid UTF-8`},
		{"UTF-8 cut off", "<a>\xc3</a>", `invalid UTF-8`},
		{"bracket", "<a>]]></a>", `"]]>" in text`},
		{"attribute twice", "<a b='1' b='2'/>", `<a>: attribute b occurs twice`},
		{"quote missing", "<a b='1><c/></a>", `"<" in the value`},
		{"no quotes", "<a b=1/>", `value without quotes`},
		{"no value", "<a b/>", `broken attribute`},
		{"no space", "<a b='1'c='2'/>", `broken tag`},
		{"entity in an attribute", "<a b='&x;'/>", `unknown entity &x;`},
		{"control in an attribute", "<a b='\x00'/>", `illegal character U+0000`},
		{"digit first", "<1/>", `broken tag`},
		{"empty tag", "<>", `broken tag`},
		{"comment without end", "<a><!-- </a>", `byte 3): comment has no end`},
		{"cdata without end", "<a><![CDATA[ </a>", `CDATA section has no end`},
		{"bomb", `<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>`, `its own definitions`},
		{"doctype within", `<a><!DOCTYPE a></a>`, `broken markup`},
		{"latin-1", `<?xml version="1.0" encoding="ISO-8859-1"?><a/>`, `encoding iso-8859-1, want UTF-8`},
		{"UTF-16", "\xff\xfe<\x00a\x00", `UTF-16, want UTF-8`},
		{"too deep", strings.Repeat("<a>", 300), `nested deeper than 256`},
		{"record within", "<a><rec><b><rec/></b></rec></a>", `<rec> within <b>; the record before it has no end`},
		{"many attributes", "<a" + manyAttributes(70) + "/>", `more than 64 attributes`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, in := range []io.Reader{strings.NewReader(test.in), iotest.OneByteReader(strings.NewReader(test.in))} {
				_, err := tokens(in)
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("got error %v, want %q", err, test.want)
				}
			}
		})
	}
}

func manyAttributes(n int) string {
	var s strings.Builder
	for i := range n {
		fmt.Fprintf(&s, " a%d=''", i)
	}
	return s.String()
}

func TestResume(t *testing.T) {
	const good = "<rec><id>%d</id></rec>"
	tests := []struct{ name, bad string }{
		{"mismatch", "<rec><id>9</name></rec>"},
		{"end tag missing", "<rec><id>9</id>"},
		{"start tag broken", "<rec x><id>9</id></rec>"},
		{"start tag cut", "<re"},
		{"quote missing", `<rec><id v="1>9</id></rec>`},
		{"text between", "oops"},
		{"entity", "<rec>&oops;</rec>"},
		{"comment without end", "<rec><!-- </rec>"},
		{"early end", "<rec></rec></rec>"},
		{"bytes", "<rec>\xff\xfe\x00</rec>"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			doc := "<set>" + fmt.Sprintf(good, 1) + "\n" + test.bad + "\n" + fmt.Sprintf(good, 2) + fmt.Sprintf(good, 3) + "</set>"
			for _, in := range []io.Reader{strings.NewReader(doc), iotest.OneByteReader(strings.NewReader(doc))} {
				r := New(in, Config{Records: []string{"rec"}})
				r.Root()
				got, faults := "", 0
				for {
					for r.Record() {
						if text := r.AppendText(nil); r.Err() == nil {
							got += string(text) + " "
						}
					}
					if r.Err() == nil {
						break
					}
					faults++
					if !r.Resume() {
						t.Fatalf("no resume: %v", r.Err())
					}
				}
				if got = strings.TrimSpace(strings.ReplaceAll(got, "  ", " ")); got != "1 2 3" || faults != 1 {
					t.Errorf("got %q with %d faults, want 1 2 3 with 1", got, faults)
				}
			}
		})
	}
}

// endless repeats a byte.
type endless byte

func (e endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(e)
	}
	return len(p), nil
}

func TestBounded(t *testing.T) {
	const gigabyte = 1 << 30
	length := int64(gigabyte)
	if testing.Short() {
		length = 64 << 20
	}
	tests := []struct {
		name, before, want string
	}{
		{"text", "<set><rec><x>", "more than 32 MiB without the end of a record"},
		{"tag", "<set><rec><x", "of more than 1 MiB"},
		{"attribute", "<set><rec><x y='", "of more than 1 MiB"},
		{"comment", "<set><!--", "of more than 1 MiB"},
		{"root", "<", "of more than 1 MiB"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			in := io.MultiReader(strings.NewReader(test.before), io.LimitReader(endless('x'), length), strings.NewReader("<rec/></set>"))
			r := New(in, Config{Records: []string{"rec"}})
			r.Root()
			for r.Record() {
				r.Skip()
			}
			if err := r.Err(); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got error %v, want %q", err, test.want)
			}
			if test.name != "root" && (!r.Resume() || !r.Record() || string(r.Name()) != "rec") {
				t.Errorf("did not find the next record: %v", r.Err())
			}
			if len(r.buf) > maxWindow {
				t.Errorf("window of %d bytes, want at most %d", len(r.buf), maxWindow)
			}
		})
	}
}

// FuzzTokens checks that what is accepted is accepted by encoding/xml too, with the same content, however it is cut
// into pieces.
func FuzzTokens(f *testing.F) {
	for _, seed := range []string{
		"<a b='c'>d&amp;e<f/>\r\n</a>", "<a><![CDATA[x]]>]</a>", "<?xml version='1.0'?><!DOCTYPE a><a>é</a>", "<a>]]></a>", "<a b='&#65;'/>",
		"<a><rec></a>", "<a>&x;</a>",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		got, err := tokens(bytes.NewReader(doc))
		slow, slowErr := tokens(iotest.OneByteReader(bytes.NewReader(doc)))
		if diff := cmp.Diff(got, slow); diff != "" && err == nil || place(err) != place(slowErr) {
			t.Fatalf("cut into bytes: %v, %v\n%s", err, slowErr, diff)
		}
		// encoding/xml resolves namespaces, knows version 1.0 only and reads what is in instructions.
		if err != nil || bytes.ContainsAny(doc, "?:") || bytes.Contains(doc, []byte("<!")) {
			return
		}
		want, err := standard(doc)
		if err != nil {
			t.Fatalf("encoding/xml refuses: %v", err)
		}
		if diff := cmp.Diff(want, textsOf(got)); diff != "" {
			t.Errorf("-encoding/xml +xmlpull:\n%s", diff)
		}
	})
}

// place is where an error says it is. What it quotes depends on how much of the input has been read.
func place(err error) string {
	s, _, _ := strings.Cut(fmt.Sprint(err), ")")
	return s
}

// standard reads a document with encoding/xml: the names of start tags and the text between tags.
func standard(doc []byte) ([]string, error) {
	d := xml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(doc, []byte("\ufeff"))))
	var list []string
	for {
		token, err := d.Token()
		if err == io.EOF {
			return list, nil
		}
		if err != nil {
			return nil, err
		}
		switch token := token.(type) {
		case xml.StartElement:
			list = append(list, "s:"+token.Name.Local)
		case xml.EndElement:
			list = append(list, "e")
		case xml.CharData:
			if len(list) > 0 && (strings.TrimSpace(string(token)) != "" || d.InputOffset() < int64(len(doc))) {
				list = append(list, "t:"+string(token))
			}
		}
	}
}

// textsOf leaves attributes out of tokens.
func textsOf(tokens []string) []string {
	var list []string
	for _, s := range tokens {
		if strings.HasPrefix(s, "s:") {
			s, _, _ = strings.Cut(s, " ")
		}
		list = append(list, s)
	}
	return list
}
