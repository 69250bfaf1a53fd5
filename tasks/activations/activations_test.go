package activations

import (
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func header(kind string) Header {
	return Header{Model: strings.Repeat("ab", 32), Data: strings.Repeat("cd", 32), Type: kind, Examples: 5, Layers: 3, Positions: 2, Hidden: 4}
}

// write writes the file of h and returns its numbers.
func write(t *testing.T, dir string, h Header) [][]float32 {
	t.Helper()
	w, err := Create(dir, h)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	var rows [][]float32
	for range h.Examples {
		row := make([]float32, h.RowLen())
		for i := range row {
			row[i] = float32(rng.NormFloat64() * math.Pow(10, float64(rng.IntN(5)-2)))
		}
		if err := w.Append(row); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return rows
}

// TestRoundTrip reads rows back in any order: exact, or rounded to half a unit of float16's eleven bits.
func TestRoundTrip(t *testing.T) {
	for kind, tolerance := range map[string]float64{Float32: 0, Float16: 1.0 / 2048} {
		t.Run(kind, func(t *testing.T) {
			dir, h := t.TempDir(), header(kind)
			want := write(t, dir, h)
			if stat, err := os.Stat(h.Path(dir)); err != nil || stat.Size() != h.Bytes() {
				t.Fatalf("file %v, %v; forecast %d bytes", stat, err, h.Bytes())
			}
			c, err := Open(dir, h)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			order := []int{4, 0, 2, 2}
			got := make([]float32, len(order)*h.RowLen())
			if err := c.ReadRows(order, got); err != nil {
				t.Fatal(err)
			}
			for k, i := range order {
				for j, x := range want[i] {
					y := got[k*h.RowLen()+j]
					if apart := math.Abs(float64(x - y)); apart > tolerance*math.Abs(float64(x))+1e-8*tolerance {
						t.Fatalf("row %d, number %d: got %g, want %g", i, j, y, x)
					}
				}
			}
		})
	}
}

// TestKey checks that activations of another model, other data or another type are not found.
func TestKey(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, header(Float16))
	for name, change := range map[string]func(h *Header){
		"model": func(h *Header) { h.Model = "x" + h.Model }, "data": func(h *Header) { h.Data = "x" + h.Data },
		"type": func(h *Header) { h.Type = Float32 }, "layers": func(h *Header) { h.Layers++ },
		"positions": func(h *Header) { h.Positions++ }, "hidden": func(h *Header) { h.Hidden++ },
	} {
		h := header(Float16)
		change(&h)
		if _, err := Open(dir, h); !errors.Is(err, ErrNone) {
			t.Errorf("other %s: %v, want ErrNone", name, err)
		}
	}
	same := header(Float16)
	same.Model = same.Model[:63] + "x" // beyond the part in the file name
	if _, err := Open(dir, same); err == nil || !strings.Contains(err.Error(), "Model:") {
		t.Errorf("hash that differs at its end: %v", err)
	}
}

// TestDamage checks that a changed bit, a truncated file, and missing or excess rows are errors.
func TestDamage(t *testing.T) {
	dir, h := t.TempDir(), header(Float16)
	write(t, dir, h)
	good, err := os.ReadFile(h.Path(dir))
	if err != nil {
		t.Fatal(err)
	}
	put := func(b []byte) {
		if err := os.WriteFile(h.Path(dir), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	bad := append([]byte(nil), good...)
	bad[headerSize+h.rowBytes()+3] ^= 1
	put(bad)
	c, err := Open(dir, h)
	if err != nil {
		t.Fatal(err)
	}
	dst := make([]float32, h.RowLen())
	if err := c.ReadRows([]int{0}, dst); err != nil {
		t.Errorf("a good row: %v", err)
	}
	if err := c.ReadRows([]int{1}, dst); err == nil || !strings.Contains(err.Error(), "row 1 is damaged") {
		t.Errorf("a damaged row: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	put(good[:len(good)-1])
	if _, err := Open(dir, h); err == nil || !strings.Contains(err.Error(), "bytes, want") {
		t.Errorf("a short file: %v", err)
	}
}

// TestWriterRefuses checks that an incomplete file is removed.
func TestWriterRefuses(t *testing.T) {
	dir, h := t.TempDir(), header(Float16)
	w, err := Create(dir, h)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Append(make([]float32, 3)); err == nil || !strings.Contains(err.Error(), "3 numbers, want 24") {
		t.Errorf("short row: %v", err)
	}
	large := make([]float32, h.RowLen())
	large[7] = 1e6
	if err := w.Append(large); err == nil || !strings.Contains(err.Error(), "out of the range of float16") {
		t.Errorf("large number: %v", err)
	}
	if err := w.Close(); err == nil || !strings.Contains(err.Error(), "0 rows, want 5") {
		t.Errorf("missing rows: %v", err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	hidden, err2 := filepath.Glob(filepath.Join(dir, ".*"))
	if diff := cmp.Diff([]string(nil), append(left, hidden...)); diff != "" || err != nil || err2 != nil {
		t.Error(diff, err, err2)
	}
	if _, err := Create(dir, Header{Type: "float8"}); err == nil {
		t.Error("float8 accepted")
	}
}
