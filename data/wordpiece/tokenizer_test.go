package wordpiece

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/data/text"
)

// show writes pieces as token and the text it covers.
func show(t *Tokenizer, text string) []string {
	var out []string
	for _, p := range t.Pieces(text) {
		out = append(out, t.vocab.Token(p.ID)+"="+text[p.Span.Start:p.Span.End])
	}
	return out
}

func assemble(tb testing.TB, c Config, tokens string) *Tokenizer {
	tb.Helper()
	t, err := New(read(tb, strings.ReplaceAll(tokens, " ", "\n")), c)
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

func TestPieces(t *testing.T) {
	cased := assemble(t, Default(), "PR ##OT ##EI ##N @ $ A a ##b un ##aff ##able ! 中 e\u0301 é ##é x \u0301 #")
	uncased := assemble(t, Config{Lower: true, MaxWordChars: 200}, "caf ##e ##s cafes ! = 가 \u1100 ##\u1161 ##\u11a8 i ##i ;  σ ς ##ς α ##α ##σ \u8c48 x ##\u302e ##\ua953")
	kept := assemble(t, Config{Lower: true, Accents: KeepAccents, MaxWordChars: 200}, "caf ##é ##e i ##\u0307 =")
	stripped := assemble(t, Config{Accents: StripAccents, MaxWordChars: 200}, "E ##E e É")
	joined := assemble(t, Config{Lower: true, JoinIdeographs: true, MaxWordChars: 200}, "gene ##基 ##因 ##gene")
	for _, test := range []struct {
		name string
		tok  *Tokenizer
		text string
		want []string
	}{
		{"tag", cased, "@PROTEIN$", []string{"@=@", "PR=PR", "##OT=OT", "##EI=EI", "##N=N", "$=$"}},
		{"longest first", cased, "unaffable", []string{"un=un", "##aff=aff", "##able=able"}},
		{"a word that cannot be covered", cased, "unaffablez a", []string{"[UNK]=unaffablez", "a=a"}},
		{"case stays", cased, "A a", []string{"A=A", "a=a"}},
		{"white space", cased, "\t a\u3000A\r\na\u2028A ", []string{"a=a", "A=A", "a=a", "A=A"}},
		{"punctuation", cased, "a!!A", []string{"a=a", "!=!", "!=!", "A=A"}},
		{"not a continuation", cased, "##b", []string{"#=#", "#=#", "[UNK]=b"}},
		{"removed within", cased, "\u200ba\u00adb\x00\ufffd", []string{"a=a", "##b=b"}},
		{"removed between pieces", cased, "un\x01\u200baff", []string{"un=un", "##aff=aff"}},
		{"not UTF-8", cased, "\xff" + "a\xe2\x82" + "b\xed\xa0\x80", []string{"a=a", "##b=b"}},
		{"ideographs", cased, "a中b", []string{"a=a", "中=中", "[UNK]=b"}},
		{"accents stay", cased, "é e\u0301", []string{"é=é", "e\u0301=e\u0301"}},
		{"accents go with their letters", uncased, "Cafés CAFE\u0301 cafE\u200b\u0301\u0302S", []string{"cafes=Cafés", "caf=CAF", "##e=E\u0301", "cafes=cafE\u200b\u0301\u0302S"}},
		{"nothing but accents", uncased, "\u0301 \u0301\u0301", nil},
		{"accent on punctuation", uncased, "!\u0301 \u0301!", []string{"!=!\u0301", "!=!"}},
		{"decomposes to punctuation", uncased, "i≠i\u037ei", []string{"i=i", "==≠", "i=i", ";=\u037e", "i=i"}},
		{"syllable in three pieces", uncased, "각", []string{"\u1100=각", "##\u1161=", "##\u11a8="}},
		{"dotted capital I", uncased, "İİ", []string{"i=İ", "##i=İ"}},
		{"last sigma of a field", uncased, "ΑΣ ΑΣ!Α ΑΣ.Α Σ", []string{"α=Α", "##ς=Σ", "α=Α", "##ς=Σ", "!=!", "α=Α", "α=Α", "##σ=Σ", "[UNK]=.", "α=Α", "σ=Σ"}},
		{"compatibility ideograph", uncased, "\uf900", []string{"\u8c48=\uf900"}},
		{"marks change places", uncased, "x\u302e\ua953", []string{"x=x", "##\ua953=\u302e", "##\u302e=\ua953"}},
		{"empty", cased, "", nil},
		{"accents stay beside lower-casing", kept, "CAFÉ İ", []string{"caf=CAF", "##é=É", "i=İ", "##\u0307="}},
		{"no decomposition to punctuation", kept, "i≠i", []string{"[UNK]=i≠i"}},
		{"accents go without lower-casing", stripped, "ÉE e\u0301", []string{"E=É", "##E=E", "e=e\u0301"}},
		{"joined ideographs", joined, "gene基因gene 基", []string{"gene=gene", "##基=基", "##因=因", "##gene=gene", "[UNK]=基"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, show(test.tok, test.text)); diff != "" {
				t.Errorf("%+q: pieces (-want +got):\n%s", test.text, diff)
			}
			checkInvariants(t, test.tok, test.text)
		})
	}
}

// checkInvariants holds Append and Pieces to each other and Pieces to what it says of spans.
func checkInvariants(t *testing.T, tok *Tokenizer, text string) {
	t.Helper()
	pieces := tok.Pieces(text)
	ids := tok.Append(nil, text)
	again := tok.Append(nil, text)
	var fromPieces []int32
	end := 0
	for _, p := range pieces {
		fromPieces = append(fromPieces, p.ID)
		if p.Span.Start < end || p.Span.End < p.Span.Start || p.Span.End > len(text) {
			t.Errorf("%+q: span %v after %d, of %d bytes", text, p.Span, end, len(text))
		}
		end = p.Span.End
	}
	if diff := cmp.Diff(ids, fromPieces); diff != "" {
		t.Errorf("%+q: ids by Append and by Pieces (-Append +Pieces):\n%s", text, diff)
	}
	if diff := cmp.Diff(ids, again); diff != "" {
		t.Errorf("%+q: ids the first and the second time (-first +second):\n%s", text, diff)
	}
}

func TestNeverSplit(t *testing.T) {
	c := Default()
	c.NeverSplit = []string{"[MASK]", "@GENE$"}
	tok := assemble(t, c, "A [ ] ##A MASK @GENE$ . 中")
	for _, test := range []struct {
		name, text string
		want       []string
	}{
		{"between spaces", "A [MASK] A", []string{"A=A", "[MASK]=[MASK]", "A=A"}},
		{"alone", "@GENE$", []string{"@GENE$=@GENE$"}},
		{"with a stop", "[MASK].", []string{"[=[", "MASK=MASK", "]=]", ".=."}},
		{"removed characters", "\u200b[MA\x00SK]\u200b A", []string{"[MASK]=[MA\x00SK]", "A=A"}},
		{"beside an ideograph", "中[MASK]中", []string{"中=中", "[MASK]=[MASK]", "中=中"}},
		{"white space at the end", "[MASK] \n ", []string{"[MASK]=[MASK]"}},
		{"only removed characters", "\u200b\x00", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, show(tok, test.text)); diff != "" {
				t.Errorf("%+q: pieces (-want +got):\n%s", test.text, diff)
			}
			checkInvariants(t, tok, test.text)
		})
	}
}

func TestAdded(t *testing.T) {
	list := strings.Split(strings.TrimSpace(specialLines)+"\n@ $ gene ##ne ge a @GENE$ <e1> <e1>x [unused1] É", "\n")
	list = append(list[:5], strings.Fields(list[5])...)
	added := []Added{{Token: "@GENE$", AnyCase: true}, {Token: "<e1>"}, {Token: "<e1>x"}, {Token: "É", AnyCase: true}}
	v, err := NewVocabulary("v.json", Tokens{List: list, Names: DefaultNames(), Added: added})
	if err != nil {
		t.Fatal(err)
	}
	uncased, err := New(v, Config{Lower: true, MaxWordChars: 200})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, text string
		want       []string
	}{
		{"between spaces", "a @GENE$ a", []string{"a=a", "@GENE$=@GENE$", "a=a"}},
		{"within a word", "a@GENE$gene", []string{"a=a", "@GENE$=@GENE$", "gene=gene"}},
		{"any case", "@gene$@Gene$", []string{"@GENE$=@gene$", "@GENE$=@Gene$"}},
		{"one case", "<e1> <E1>", []string{"<e1>=<e1>", "[UNK]=<", "[UNK]=E1", "[UNK]=>"}},
		{"the longest", "<e1>xa", []string{"<e1>x=<e1>x", "a=a"}},
		{"not of ASCII", "aÉa é", []string{"a=a", "É=É", "a=a", "[UNK]=é"}},
		{"a token that was not added", "[unused1]", []string{"[UNK]=[", "[UNK]=unused1", "[UNK]=]"}},
		{"none", "", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, show(uncased, test.text)); diff != "" {
				t.Errorf("%+q: pieces (-want +got):\n%s", test.text, diff)
			}
			checkInvariants(t, uncased, test.text)
		})
	}
}

func TestMaxWordChars(t *testing.T) {
	for _, test := range []struct {
		name  string
		limit int
		text  string
		want  string
	}{
		{"at the limit", 20, strings.Repeat("a", 20), "a" + strings.Repeat(" ##a", 19)},
		{"above", 20, strings.Repeat("a", 21), "[UNK]"},
		{"short words above", 2, "aaa aa a", "[UNK] a ##a a"},
		{"characters, not bytes", 20, strings.Repeat("é", 20), "e" + strings.Repeat(" ##e", 19)},
		{"after decomposition", 3, "가 각 가가", "[UNK] [UNK] [UNK]"},
		{"marks do not count", 2, "e\u0301e\u0302 e\u0301e\u0302e", "e ##e [UNK]"},
		{"punctuation starts anew", 2, "aa-aa", "a ##a [UNK] a ##a"},
	} {
		t.Run(test.name, func(t *testing.T) {
			tok := assemble(t, Config{Lower: true, MaxWordChars: test.limit}, "a ##a e ##e")
			var got []string
			for _, id := range tok.Append(nil, test.text) {
				got = append(got, tok.vocab.Token(id))
			}
			if diff := cmp.Diff(test.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("tokens (-want +got):\n%s", diff)
			}
			checkInvariants(t, tok, test.text)
		})
	}
}

func TestNewRefuses(t *testing.T) {
	cased, uncased := read(t, "The\n"), read(t, "the\n")
	for _, test := range []struct {
		name  string
		vocab *Vocabulary
		lower bool
		want  string
	}{
		{"cased, lower", cased, true, "v.txt: cased vocabulary (1 of 6 tokens have upper case), but the setting lower-cases text"},
		{"uncased, as it is", uncased, false, "v.txt: uncased vocabulary (0 of 6 tokens have upper case), but the setting keeps the case of text"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := New(test.vocab, Config{Lower: test.lower, MaxWordChars: 200})
			var casing *CasingError
			if !errors.As(err, &casing) || err.Error() != test.want {
				t.Fatalf("got error %v, want %s", err, test.want)
			}
			if casing.Cased != test.lower || !strings.Contains(casing.Hint(), "--uncased") {
				t.Errorf("got %+v with hint %q", casing, casing.Hint())
			}
		})
	}
	t.Run("all faults at once", func(t *testing.T) {
		_, err := New(cased, Config{NeverSplit: []string{"[MASK]", "@GENE$"}})
		want := "wordpiece: longest word of 0 characters, want at least 1\nwordpiece: token \"@GENE$\", which is never to be split, is not in v.txt"
		if err == nil || err.Error() != want {
			t.Errorf("got error %v, want %s", err, want)
		}
	})
}

// TestSmallCache has words of every length with the same beginnings fight for a cache of one set.
func TestSmallCache(t *testing.T) {
	for _, lower := range []bool{false, true} {
		t.Run(fmt.Sprintf("lower %v", lower), func(t *testing.T) {
			tok := newTokenizer(t, Config{Lower: lower, MaxWordChars: 200})
			tok.cache = cache{make([][2]entry, 1)}
			ref := reference{vocab: tok.vocab, lower: lower, strip: lower, maxChars: 200}
			rng := rand.New(rand.NewPCG(1, 2))
			for range 20_000 {
				word := strings.Repeat("ka", 20)[:1+rng.IntN(24)] + []string{"", "", "lo", "é", "7", "Σ", "\x00"}[rng.IntN(7)]
				if diff := cmp.Diff(ref.ids(word), tok.Append(nil, word)); diff != "" {
					t.Fatalf("%+q: ids (-want +got):\n%s", word, diff)
				}
			}
		})
	}
}

func TestCacheKeepsTheNewestTwo(t *testing.T) {
	c := cache{make([][2]entry, 1)}
	a, b, d := key{lo: 1}, key{lo: 1, hi: 1}, key{lo: 1, hi: 2}
	c.put(a, []int32{1})
	c.put(b, []int32{2, 3, 4})
	c.put(d, []int32{5, 6})
	c.put(key{lo: 9}, []int32{1, 2, 3, 4}) // too many
	c.put(key{lo: 8}, nil)
	if c.find(a) != nil || c.find(key{}) != nil || c.find(key{lo: 9}) != nil || c.find(key{lo: 8}) != nil {
		t.Errorf("found what was displaced or never kept: %+v", c.sets[0])
	}
	if diff := cmp.Diff([2]entry{{key: d, n: 2, ids: [3]int32{5, 6}}, {key: b, n: 3, ids: [3]int32{2, 3, 4}}}, [2]entry{*c.find(d), *c.find(b)},
		cmp.AllowUnexported(entry{}, key{})); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

func TestLoadKey(t *testing.T) {
	alphabet := "\x00 /09:@AZ[`az{\x7f\x80\xb1\xe1\xff5kQ"
	rng := rand.New(rand.NewPCG(3, 4))
	for range 20_000 {
		b := make([]byte, 1+rng.IntN(24))
		for i := range b {
			b[i] = alphabet[rng.IntN(len(alphabet))]
			if rng.IntN(3) > 0 {
				b[i] = "09AZaz5kQ"[rng.IntN(9)]
			}
		}
		want := 0
		for want < min(len(b), maxKey) && (b[want] >= '0' && b[want] <= '9' || b[want]|0x20 >= 'a' && b[want]|0x20 <= 'z') {
			want++
		}
		k, n := loadKey(string(b), 0)
		if n != want || k != keyOf(string(b[:want])) {
			t.Fatalf("%q: key %x of %d bytes, want %x of %d", b, k, n, keyOf(string(b[:want])), want)
		}
	}
}

func TestLongWordTakesNoSpace(t *testing.T) {
	tok := newTokenizer(t, Config{Lower: true, MaxWordChars: 200})
	word := strings.Repeat("éa", 100_000)
	if diff := cmp.Diff([]Piece{{tok.unk, text.Span{End: len(word)}}}, tok.Pieces(word)); diff != "" {
		t.Errorf("pieces (-want +got):\n%s", diff)
	}
	if len(tok.word.letters) != 201 {
		t.Errorf("%d letters kept, want 201: one above the limit", len(tok.word.letters))
	}
}

func TestClonesAtOnce(t *testing.T) {
	_, texts := readFixture(t)
	tok := newTokenizer(t, Config{Lower: true, MaxWordChars: 200})
	var wait sync.WaitGroup
	for range 4 {
		clone := tok.Clone()
		wait.Go(func() {
			for _, f := range texts[:500] {
				if diff := cmp.Diff(f.Uncased, clone.Append([]int32{}, f.Text)); diff != "" {
					t.Errorf("%+q: ids (-want +got):\n%s", f.Text, diff)
				}
			}
		})
	}
	wait.Wait()
}

func TestAppendDoesNotAllocate(t *testing.T) {
	_, texts := readFixture(t)
	for _, test := range []struct {
		name  string
		lower bool
		never []string
	}{{"cased", false, nil}, {"uncased", true, nil}, {"never", false, []string{"[MASK]"}}} {
		t.Run(test.name, func(t *testing.T) {
			tok := newTokenizer(t, Config{Lower: test.lower, MaxWordChars: 200, NeverSplit: test.never})
			var ids []int32
			through := func() {
				for _, f := range texts {
					ids = tok.Append(ids[:0], f.Text)
				}
			}
			through() // scratch space finds its size
			if n := testing.AllocsPerRun(3, through); n != 0 {
				t.Errorf("%v allocations going through %d texts again, want 0", n, len(texts))
			}
		})
	}
}

// FuzzTokenizer compares ids with the reference and checks what Pieces promises.
func FuzzTokenizer(f *testing.F) {
	for _, seed := range []string{
		"@PROTEIN$ binds [MASK] .", "ΑΣ.Β ΑΣ", "Cafe\u0301 각하 ≠", "x\u302e\u0301\ua953", "a\xff\x00b", strings.Repeat("ka", 101), "中[MASK]\uf900",
	} {
		f.Add(seed, uint8(0))
	}
	h, texts := readFixture(f)
	for i, t := range texts[:100] {
		f.Add(t.Text, uint8(i))
	}
	type pair struct {
		tok *Tokenizer
		ref reference
	}
	limits := []int{200, 3, 100, 1}
	pairs := make([][]pair, len(limits))
	add := func(i int, c Config) {
		c.MaxWordChars = limits[i]
		tok := newTokenizer(f, c)
		ref := reference{vocab: tok.vocab, lower: c.Lower, strip: c.Stripped(), join: c.JoinIdeographs, maxChars: limits[i], never: map[string]bool{}}
		for _, token := range c.NeverSplit {
			ref.never[token] = true
		}
		pairs[i] = append(pairs[i], pair{tok, ref})
	}
	for i := range limits {
		for _, lower := range []bool{false, true} {
			add(i, Config{Lower: lower})
			add(i, Config{Lower: lower, NeverSplit: h.NeverSplit})
			add(i, Config{Lower: lower, Accents: StripAccents, JoinIdeographs: true})
			add(i, Config{Lower: lower, Accents: KeepAccents, JoinIdeographs: true, NeverSplit: h.NeverSplit})
			add(i, Config{Lower: lower, Accents: KeepAccents})
		}
	}
	f.Fuzz(func(t *testing.T, text string, limit uint8) {
		for _, p := range pairs[int(limit)%len(limits)] {
			if diff := cmp.Diff(p.ref.ids(text), p.tok.Append(nil, text)); diff != "" {
				t.Errorf("%+q: lower %v, strip %v, join %v, never split %d: ids (-want +got):\n%s", text, p.ref.lower, p.ref.strip, p.ref.join, len(p.ref.never), diff)
			}
			checkInvariants(t, p.tok, text)
		}
	})
}

// FuzzVocabulary has nothing to compare with: reading never panics, and what was read can be found again, by its text
// if it can be in a text at all.
func FuzzVocabulary(f *testing.F) {
	f.Add("a\n##b\nab\n##\n")
	f.Add("\n\xff")
	f.Add("é\n##\u0301\n中\n[x]\n")
	f.Fuzz(func(t *testing.T, lines string) {
		v, err := ReadVocabulary(strings.NewReader(specialLines+lines), "v.txt")
		if err != nil {
			return
		}
		for id := range int32(v.Size()) {
			token := v.Token(id)
			if got, ok := v.ID(token); got != id || !ok || !utf8.ValidString(token) {
				t.Fatalf("token %q has id %d, want %d", token, got, id)
			}
			if token == "" {
				continue
			}
			if got, n := v.trie.longest(root, []byte(token)); got != id || n != len(token) {
				t.Fatalf("token %q: the trie has %d of %d bytes, want %d of all", token, got, n, id)
			}
		}
	})
}
