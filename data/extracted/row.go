package extracted

import (
	"fmt"
	"strconv"
	"strings"
)

// Row is a pair of mentions with the label that a model predicts.
type Row struct {
	PMID          string  `json:"pmid" parquet:"pmid,zstd"`
	Section       string  `json:"section" parquet:"section,dict,zstd"`
	Sentence      string  `json:"sentence" parquet:"sentence,zstd"` // for a pair across sentences, the text from the first to the last
	SentenceStart int32   `json:"sentence_start" parquet:"sentence_start,zstd"`
	A             string  `json:"a" parquet:"a,dict,zstd"`
	AID           string  `json:"a_id" parquet:"a_id,dict,zstd"`
	AType         string  `json:"a_type" parquet:"a_type,dict,zstd"`
	AStart        int32   `json:"a_start" parquet:"a_start,zstd"`
	AEnd          int32   `json:"a_end" parquet:"a_end,zstd"`
	B             string  `json:"b" parquet:"b,dict,zstd"`
	BID           string  `json:"b_id" parquet:"b_id,dict,zstd"`
	BType         string  `json:"b_type" parquet:"b_type,dict,zstd"`
	BStart        int32   `json:"b_start" parquet:"b_start,zstd"`
	BEnd          int32   `json:"b_end" parquet:"b_end,zstd"`
	Label         string  `json:"label" parquet:"label,dict,zstd"`
	Probability   float32 `json:"probability" parquet:"probability,zstd"` // of the label
}

// Columns returns the names of the columns in order.
func Columns() []string {
	return []string{"pmid", "section", "sentence", "sentence_start", "a", "a_id", "a_type", "a_start", "a_end", "b", "b_id", "b_type", "b_start", "b_end", "label", "probability"}
}

// fields returns pointers to the fields of r in the order of the columns.
func (r *Row) fields() []any {
	return []any{&r.PMID, &r.Section, &r.Sentence, &r.SentenceStart, &r.A, &r.AID, &r.AType, &r.AStart, &r.AEnd,
		&r.B, &r.BID, &r.BType, &r.BStart, &r.BEnd, &r.Label, &r.Probability}
}

// appendTSV appends r as a line.
func (r *Row) appendTSV(dst []byte) []byte {
	for i, f := range r.fields() {
		if i > 0 {
			dst = append(dst, '\t')
		}
		switch v := f.(type) {
		case *string:
			dst = appendFlat(dst, *v)
		case *int32:
			dst = strconv.AppendInt(dst, int64(*v), 10)
		case *float32:
			dst = strconv.AppendFloat(dst, float64(*v), 'g', -1, 32)
		}
	}
	return append(dst, '\n')
}

// appendFlat appends s with each tab and line end replaced by a space.
func appendFlat(dst []byte, s string) []byte {
	from := len(dst)
	dst = append(dst, s...)
	for i := from; i < len(dst); i++ {
		if c := dst[i]; c == '\t' || c == '\n' || c == '\r' {
			dst[i] = ' '
		}
	}
	return dst
}

// parseTSV parses a line. at[i] is the place of column i in the line, -1 if the line lacks it.
func parseTSV(line string, at []int) (Row, error) {
	var r Row
	values := strings.Split(line, "\t")
	for i, f := range r.fields() {
		if at[i] < 0 {
			continue
		}
		if at[i] >= len(values) {
			return Row{}, fmt.Errorf("%d columns, want at least %d as in the first line", len(values), at[i]+1)
		}
		if err := parse(values[at[i]], f); err != nil {
			return Row{}, fmt.Errorf("column %s: %.20q, want a number", Columns()[i], values[at[i]])
		}
	}
	return r, nil
}

func parse(s string, to any) error {
	switch v := to.(type) {
	case *string:
		*v = s
	case *int32:
		n, err := strconv.ParseInt(s, 10, 32)
		*v = int32(n)
		return err
	case *float32:
		x, err := strconv.ParseFloat(s, 32)
		*v = float32(x)
		return err
	}
	return nil
}
