package parquet_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	library "github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"

	"github.com/subbert/subbert/data/parquet"
)

type row struct {
	Name  string  `parquet:"name"`
	Place int32   `parquet:"place"`
	Score float32 `parquet:"score"`
}

var columns = []parquet.Column{{Name: "name", Kind: parquet.Text}, {Name: "place", Kind: parquet.Int32}, {Name: "score", Kind: parquet.Float32}}

func (r *row) values() []any { return []any{&r.Name, &r.Place, &r.Score} }

func some(n int) []row {
	out := make([]row, n)
	for i := range out {
		out[i] = row{strings.Repeat("ä", i%40), int32(i - 3), float32(i) / 7}
	}
	return out
}

func write(t *testing.T, rows []row) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := parquet.NewWriter(&b, columns)
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		if err := w.Write(rows[i].values()); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func read(content []byte) ([]row, error) {
	f, err := parquet.Open(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return nil, err
	}
	in, err := f.Rows(columns)
	if err != nil {
		return nil, err
	}
	out := []row{}
	for {
		var r row
		if err := in.Next(r.values()); err == io.EOF {
			return out, nil
		} else if err != nil {
			return out, err
		}
		out = append(out, r)
	}
}

func equal(t *testing.T, reader string, want, got []row) {
	t.Helper()
	if slices.Equal(want, got) {
		return
	}
	if len(want) != len(got) {
		t.Fatalf("%s: %d rows, want %d", reader, len(got), len(want))
	}
	for i := range want {
		if want[i] != got[i] {
			t.Fatalf("%s: row %d: %v, want %v", reader, i, got[i], want[i])
		}
	}
}

// TestWriter reads what Writer writes with Reader and with another library.
func TestWriter(t *testing.T) {
	for _, n := range []int{0, 1, 1000, 100_001} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			want := some(n)
			content := write(t, want)
			got, err := read(content)
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "by Reader", want, got)
			other, err := library.Read[row](bytes.NewReader(content), int64(len(content)))
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "by the other library", want, other)
		})
	}
}

// writeElsewhere writes rows with another library.
func writeElsewhere[T any](t *testing.T, rows []T, options ...library.WriterOption) []byte {
	t.Helper()
	var b bytes.Buffer
	w := library.NewGenericWriter[T](&b, append(options, library.MaxRowsPerRowGroup(700), library.PageBufferSize(2000))...)
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestReader reads what another library writes, in the forms that other tools write by default.
func TestReader(t *testing.T) {
	type dictionary struct {
		Further []int64 `parquet:"further,list"`
		Name    string  `parquet:"name,dict"`
		Place   int32   `parquet:"place,dict"`
		Score   float32 `parquet:"score"`
	}
	type plain struct {
		Name  string  `parquet:"name,plain"`
		Place int64   `parquet:"place,delta"`
		Score float64 `parquet:"score"`
	}
	type prefixes struct {
		Name  string  `parquet:"name,delta"`
		Place int32   `parquet:"place,delta"`
		Score float32 `parquet:"score"`
	}
	type missing struct {
		Score *float64 `parquet:"score,optional"`
		Name  *string  `parquet:"name,optional,dict"`
		Place *int64   `parquet:"place,optional"`
	}
	want := some(2000)
	var dictionaries []dictionary
	var plains []plain
	var shared []prefixes
	var optional []missing
	withMissing := some(2000)
	for i, r := range want {
		dictionaries = append(dictionaries, dictionary{[]int64{1, 2}, r.Name, r.Place, r.Score})
		plains = append(plains, plain{r.Name, int64(r.Place), float64(r.Score)})
		shared = append(shared, prefixes(r))
		score, place := float64(r.Score), int64(r.Place)
		m := missing{&score, &r.Name, &place}
		if i%3 == 0 || i > 1500 {
			m, withMissing[i] = missing{}, row{}
		}
		optional = append(optional, m)
	}
	for _, codec := range []compress.Codec{&library.Uncompressed, &library.Snappy, &library.Gzip, &library.Zstd} {
		for _, version := range []int{1, 2} {
			options := []library.WriterOption{library.Compression(codec), library.DataPageVersion(version)}
			for _, test := range []struct {
				name    string
				content []byte
				want    []row
			}{
				{"lengths", writeElsewhere(t, want, options...), want},
				{"plain", writeElsewhere(t, plains, options...), want},
				{"prefixes", writeElsewhere(t, shared, options...), want},
				{"dictionary", writeElsewhere(t, dictionaries, options...), want},
				{"missing", writeElsewhere(t, optional, options...), withMissing},
			} {
				t.Run(fmt.Sprint(codec, version, test.name), func(t *testing.T) {
					got, err := read(test.content)
					if err != nil {
						t.Fatal(err)
					}
					if diff := cmp.Diff(test.want, got); diff != "" {
						t.Errorf("-want +got:\n%.2000s", diff)
					}
				})
			}
		}
	}
}

// TestLacking checks that values of a column that the file lacks stay zero.
func TestLacking(t *testing.T) {
	type less struct {
		Score float32 `parquet:"score"`
	}
	got, err := read(writeElsewhere(t, []less{{0.5}, {1}}))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]row{{Score: 0.5}, {Score: 1}}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestRefused(t *testing.T) {
	type named struct {
		Name int32 `parquet:"name"`
	}
	type wide struct {
		Place int64 `parquet:"place"`
	}
	type split struct {
		Score float32 `parquet:"score,split"`
	}
	good := write(t, some(10))
	for _, test := range []struct {
		name    string
		content []byte
		want    string
	}{
		{"empty", nil, "0 bytes are no Parquet file"},
		{"text", []byte(strings.Repeat("hello\n", 9)), "does not end as a Parquet file does"},
		{"cut off", good[:len(good)-9], "does not end as a Parquet file does"},
		{"metadata too long", []byte("PAR1....\xff\xff\xff\x00PAR1"), "its metadata has 16777215 bytes, more than the file"},
		{"brotli", writeElsewhere(t, some(10), library.Compression(&library.Brotli)), "column name: is compressed with brotli; write it with zstd, snappy, gzip or none"},
		{"split", writeElsewhere(t, []split{{1}, {2}}), "column score: its values have encoding 9; only plain values, dictionaries and differences are read"},
		{"numbers for texts", writeElsewhere(t, []named{{1}}), "column name: has type INT32, want BYTE_ARRAY"},
		{"too wide", writeElsewhere(t, []wide{{1 << 40}}), "row group 1: column place: value 1.099511627776e+12, want a whole number of 32 bits"},
		{"none of the columns", writeElsewhere(t, []struct {
			X string `parquet:"x"`
		}{{"y"}}), "no column that is wanted"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := read(test.content); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}

// TestFullDisk checks that an error of the underlying writer is returned.
func TestFullDisk(t *testing.T) {
	w, err := parquet.NewWriter(full{}, columns)
	if err != nil {
		t.Fatal(err)
	}
	r := some(1)[0]
	if err := w.Write(r.values()); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); !errors.Is(err, errFull) {
		t.Errorf("%v, want %v", err, errFull)
	}
}

var errFull = errors.New("no space left")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

// FuzzRead checks that no input panics, or takes memory or time that its length does not bound.
func FuzzRead(f *testing.F) {
	var b bytes.Buffer
	w, err := parquet.NewWriter(&b, columns)
	if err != nil {
		f.Fatal(err)
	}
	r := some(5)[4]
	if err := errors.Join(w.Write(r.values()), w.Close()); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	type missing struct {
		Name *string `parquet:"name,optional,dict"`
	}
	for _, version := range []int{1, 2} {
		var b bytes.Buffer
		w := library.NewGenericWriter[missing](&b, library.DataPageVersion(version))
		name := "x"
		if _, err := w.Write([]missing{{}, {&name}, {&name}}); err != nil {
			f.Fatal(err)
		}
		if err := w.Close(); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		file, err := parquet.Open(bytes.NewReader(content), int64(len(content)))
		if err != nil {
			return
		}
		in, err := file.Rows(columns)
		for n := 0; err == nil && n < 10_000; n++ {
			var r row
			err = in.Next(r.values())
		}
	})
}
