package bioc

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestJSONParts: the parts are the file, and each document that Documents reads is one.
func TestJSONParts(t *testing.T) {
	const two = `{"id": 1, "passages": []}`
	for _, test := range []struct {
		name, in string
		want     []string // ids
		err      string
	}{
		{"collection", asJSON, []string{"12", "13", "14"}, ""},
		{"PubTator 3", "{\"PubTator3\": [" + two + ",\n " + two + "]}\n", []string{"1", "1"}, ""},
		{"a document", " " + two + "\n", []string{"1"}, ""},
		{"lines", two + "\n" + two + "\n", []string{"1", "1"}, ""},
		{"an array", "[ " + two + " , " + two + " ]", []string{"1", "1"}, ""},
		{"what is no document", `{"documents": [7, ` + two + `]}`, []string{"1"}, ""},
		{"empty", "", nil, ""},
		{"no documents", "{}", nil, "f: byte 2: an object without documents or passages"},
		{"cut off", asJSON[:400], nil, "the JSON ends too early"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var all bytes.Buffer
			var ids []string
			for part, err := range Parts(strings.NewReader("\ufeff"+test.in), "f") {
				if err != nil {
					if test.err == "" || !strings.Contains(err.Error(), test.err) {
						t.Errorf("error %v, want %q", err, test.err)
					}
					return
				}
				all.Write(part.Raw)
				if part.Document {
					ids = append(ids, part.ID)
				}
			}
			if test.err != "" {
				t.Errorf("no error, want %q", test.err)
			}
			if diff := cmp.Diff(test.want, ids); diff != "" {
				t.Errorf("documents (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.in, all.String()); diff != "" {
				t.Errorf("all parts (-want +got):\n%s", diff)
			}
		})
	}
}

// FuzzParts: the parts of a file that can be read whole are the file, and a document with other relations is JSON that has
// them.
func FuzzParts(f *testing.F) {
	f.Add([]byte(asJSON))
	f.Add([]byte("[{\"passages\":[], \"relAtions\": 1, \"relations\": []}, {}]"))
	f.Add([]byte("{\"PubTator3\":[{}]}"))
	relations := []Relation{{ID: "R1", Infons: Infons{"type": "<&>"}, Nodes: []Node{{"1", "A"}}}}
	f.Fuzz(func(t *testing.T, data []byte) {
		var all []byte
		for part, err := range Parts(bytes.NewReader(data), "fuzz") {
			if err != nil {
				return
			}
			all = append(all, part.Raw...)
			if !part.Document {
				continue
			}
			written, err := WithRelations(part.Raw, relations)
			if err != nil {
				t.Fatalf("%q: %v", part.Raw, err)
			}
			var got struct{ Relations []jsonRelation }
			if string(part.Raw) == "null" {
				continue
			}
			if err := json.Unmarshal(written, &got); err != nil || len(got.Relations) != 1 {
				t.Errorf("%q: written %q: %v", part.Raw, written, err)
			}
		}
		if want := bytes.TrimPrefix(data, []byte("\ufeff")); !bytes.Equal(all, want) {
			t.Errorf("parts %q of %q", all, want)
		}
	})
}
