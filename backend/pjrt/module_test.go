package pjrt

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// readProgram is one of the programs that TestDeviceless writes.
func readProgram(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".mlir"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestParseModule(t *testing.T) {
	m, err := parseModule(readProgram(t, "tpu-1"))
	if err != nil {
		t.Fatal(err)
	}
	type arg struct {
		Name, Type       string
		Variable, Scalar bool
	}
	var got []arg
	for _, a := range m.args {
		got = append(got, arg{a.name, a.typ, a.variable(), a.scalar()})
	}
	want := []arg{
		{"%arg0", "tensor<8x16xf32>", false, false},
		{"%arg1", "tensor<f32>", false, true},
		{"%_layer_weight", "tensor<16x24xf32>", true, false},
		{"%_layer_frozen", "tensor<16x24xf32>", true, false},
		{"%_layer_moment", "tensor<16x24xf32>", true, false},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("arguments (-want +got):\n%s", diff)
	}
	if want := []string{"tensor<16x24xf32>", "tensor<16x24xf32>", "tensor<f32>"}; !cmp.Equal(m.results, want) {
		t.Errorf("results are %v, want %v", m.results, want)
	}
	if got, want := m.names(m.updated()), []string{"layer_weight", "layer_moment"}; !cmp.Equal(got, want) {
		t.Errorf("updated are %v, want %v", got, want)
	}
}

func TestMark(t *testing.T) {
	for _, name := range []string{"tpu-1", "tpu-4"} {
		marked := readProgram(t, name+"-donate")
		if got := strings.Count(marked, donorMark); got != 2 {
			t.Fatalf("%s: %d arguments are marked, want 2", name, got)
		}
		plain := strings.NewReplacer(" {"+donorMark+"}", "", donorMark+", ", "").Replace(marked)
		m, err := parseModule(plain)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(marked, m.mark(m.updated())); diff != "" {
			t.Errorf("%s marked (-want +got):\n%s", name, diff)
		}
		again, err := parseModule(marked)
		if err != nil {
			t.Fatal(err)
		}
		for i, a := range again.args {
			if a.name != m.args[i].name || a.typ != m.args[i].typ {
				t.Errorf("%s: argument %d reads %s: %s once marked, want %s: %s", name, i, a.name, a.typ, m.args[i].name, m.args[i].typ)
			}
		}
	}
}

func TestParseModuleForms(t *testing.T) {
	const body = "\n    \"stablehlo.return\"(%r) : (tensor<f32>) -> ()\n  }\n}\n"
	tests := []struct {
		name, header string
		args         []string
		results      int
		err          string
	}{
		{"no arguments", "func.func @main() -> tensor<f32> {", nil, 1, ""},
		{"result with attributes", `func.func @main(%a: tensor<2x3xf32>) -> (tensor<f32> {sdy.sharding = #sdy.sharding<@mesh, []>}) {`, []string{"%a"}, 1, ""},
		{"sharded argument", `func.func @main(%a: tensor<2x3xf32> { sdy.sharding = #sdy.sharding<@mesh, [{"ba,t)ch"}, {}]> }, %b: tensor<f32>) -> tensor<f32> {`, []string{"%a", "%b"}, 1, ""},
		{"no main", "func.func @other() -> tensor<f32> {", nil, 0, "no function main"},
		{"cut short", "func.func @main(%a: tensor<2", nil, 0, "have no end"},
		{"too many results", "func.func @main() -> (tensor<f32>, tensor<f32>) {", nil, 0, "main returns 1 values, but its header says 2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := parseModule("module @x_12 {\n  " + tt.header + body)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error is %v, want one with %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var args []string
			for _, a := range m.args {
				args = append(args, a.name)
			}
			if !cmp.Equal(args, tt.args) || len(m.results) != tt.results || m.name != "x" {
				t.Errorf("module %s with arguments %v and %d results, want x, %v, %d", m.name, args, len(m.results), tt.args, tt.results)
			}
		})
	}
}

// TestUpdated: which variables a program is expected to write over.
func TestUpdated(t *testing.T) {
	line := func(to, op string, from ...string) string {
		return fmt.Sprintf("    %s = \"stablehlo.%s\"(%s) : () -> tensor<2xf32>\n", to, op, strings.Join(from, ", "))
	}
	for _, tt := range []struct{ name, body, returned, want string }{
		{"an update: the nearest variable", line("%0", "add", "%_m", "%_gradient") + line("%1", "subtract", "%_w", "%0"), "%1 %0", "m w"},
		{"gradients: the variable that nothing reads", line("%0", "dot_general", "%_w", "%x") + line("%1", "add", "%_m", "%0"), "%0 %1", "gradient m"},
		{"reset: a variable that is no other result", line("%0", "constant") + line("%1", "broadcast_in_dim", "%0") + line("%2", "multiply", "%_w", "%_gradient") + line("%3", "add", "%_m", "%2"), "%3 %1", "gradient m"},
		{"a pass: variables that are read", line("%0", "dot_general", "%_w", "%_m") + line("%1", "dot_general", "%0", "%_gradient"), "%1", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			returned := strings.Fields(tt.returned)
			types := strings.TrimSuffix(strings.Repeat("tensor<2xf32>, ", len(returned)), ", ")
			m, err := parseModule("module @x_1 {\n  func.func @main(%x: tensor<2xf32>, %_gradient: tensor<2xf32>, %_m: tensor<2xf32>, %_w: tensor<2xf32>) -> (" + types + ") {\n" +
				tt.body + "    \"stablehlo.return\"(" + strings.Join(returned, ", ") + ") : () -> ()\n  }\n}\n")
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(m.names(m.updated()), " "); got != tt.want {
				t.Errorf("updated are %q, want %q", got, tt.want)
			}
		})
	}
}

func TestCanonical(t *testing.T) {
	const a, b = "01234567-89ab-cdef-0123-456789abcdef", "11234567-89ab-cdef-0123-456789abcdef"
	first := "module @train_1 {\n %_m_" + a + " %_n_" + b + " %_m_" + a + "\n}"
	second := "module @train_7 {\n %_m_" + b + " %_n_" + a + " %_m_" + b + "\n}"
	if canonical(first) != canonical(second) {
		t.Errorf("two runs of one program differ:\n%s\n%s", canonical(first), canonical(second))
	}
	if other := strings.Replace(first, "%_n_"+b, "%_n_"+a, 1); canonical(first) == canonical(other) {
		t.Error("one identifier twice is the same as two identifiers")
	}
}

func FuzzParseModule(f *testing.F) {
	f.Add("module @a {\n  func.func @main(%_a: tensor<2xf32>) -> tensor<2xf32> {\n    %0 = \"stablehlo.add\"(%_a, %_a) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>\n    \"stablehlo.return\"(%0) : (tensor<2xf32>) -> ()\n  }\n}\n")
	f.Add("func.func @main(\"")
	f.Add("func.func @main() -> (")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := parseModule(text)
		if err != nil {
			return
		}
		if marked := m.mark(m.updated()); len(marked) < len(text) {
			t.Errorf("marking shortened %d bytes to %d", len(text), len(marked))
		}
	})
}
