package pjrt

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// module is the part of a StableHLO program that the layer reads: the arguments and results of its main
// function, and the operands of each value that is computed element by element. The parser knows the text that
// go-xla writes, one operation a line at a fixed indent, not StableHLO in general.
type module struct {
	text     string
	name     string
	args     []argument
	results  []string            // types
	returned []string            // values, in the order of results
	defs     map[string][]string // value -> operands, for operations that work element by element
	fills    map[string][]string // value -> operands, for operations that make constants
	read     map[string]bool     // the variables that the body names
}

// argument is one input of the main function.
type argument struct {
	name, typ string // "%_layer_weight", "tensor<2x3xf32>"
	attrs     int    // offset in the text just after the { of its attributes, or of the end of its type
	hasAttrs  bool
}

// variable reports whether the argument is a variable of the model: GoMLX names variables by their paths.
func (a argument) variable() bool { return strings.HasPrefix(a.name, "%_") }

// scalar reports whether the argument has no axes.
func (a argument) scalar() bool {
	dims := strings.TrimPrefix(a.typ, "tensor<")
	return dims == "" || dims[0] < '0' || dims[0] > '9'
}

const mainHeader = "func.func @main("

var (
	moduleName = regexp.MustCompile(`^\s*module @([^\s{]+)`)
	graphID    = regexp.MustCompile(`_[0-9]+$`)
	// definition matches one operation on a line of the main function's body.
	definition = regexp.MustCompile(`^    (%[^\s:]+) = "stablehlo\.([a-z_]+)"\(([^)]*)\) :`)
	result     = regexp.MustCompile(`^    "stablehlo\.return"\(([^)]*)\) :`)
	variable   = regexp.MustCompile(`%_\w+`)
	randomID   = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
)

// elementwise lists the operations whose result has the dimensions of their operands. Updates of variables consist of
// them.
var elementwise = []string{"add", "convert", "subtract", "multiply", "divide", "select", "maximum", "minimum", "negate", "abs",
	"sqrt", "rsqrt", "power", "clamp"}

// filling lists the operations that make constant arrays.
var filling = []string{"constant", "broadcast_in_dim", "reshape", "convert"}

// parseModule reads the text of a program.
func parseModule(text string) (*module, error) {
	m := &module{text: text, defs: map[string][]string{}, fills: map[string][]string{}, read: map[string]bool{}}
	if found := moduleName.FindStringSubmatch(text); found != nil {
		m.name = graphID.ReplaceAllString(found[1], "")
	}
	start := strings.Index(text, mainHeader)
	if start < 0 {
		return nil, fmt.Errorf("program %s: no function main", m.name)
	}
	at := start + len(mainHeader)
	end := m.parseArgs(at)
	if end < 0 {
		return nil, fmt.Errorf("program %s: the arguments of main have no end", m.name)
	}
	line, body, ok := strings.Cut(text[end:], "\n")
	arrow := strings.Index(line, "->")
	if !ok || arrow < 0 {
		return nil, fmt.Errorf("program %s: main has no results", m.name)
	}
	m.parseResults(strings.TrimSuffix(strings.TrimSpace(line[arrow+2:]), "{"))
	m.parseBody(body)
	if len(m.returned) != len(m.results) {
		return nil, fmt.Errorf("program %s: main returns %d values, but its header says %d", m.name, len(m.returned), len(m.results))
	}
	return m, nil
}

// parseArgs reads the arguments that begin at offset at and returns the offset of the closing parenthesis.
func (m *module) parseArgs(at int) int {
	for _, piece := range pieces(m.text, at) {
		name, rest, ok := strings.Cut(m.text[piece.start:piece.end], ": ")
		if !ok {
			continue
		}
		a := argument{name: strings.TrimSpace(name), typ: strings.TrimSpace(rest), attrs: piece.end}
		if typ, _, has := strings.Cut(rest, " {"); has {
			a.typ, a.hasAttrs = typ, true
			a.attrs = piece.end - len(rest) + len(typ) + len(" {")
		}
		m.args = append(m.args, a)
	}
	return closing(m.text, at)
}

func (m *module) parseResults(list string) {
	list = strings.TrimSpace(list)
	if strings.HasPrefix(list, "(") {
		list = list[1:]
	} else {
		list += ")"
	}
	for _, piece := range pieces(list, 0) {
		typ, _, _ := strings.Cut(strings.TrimSpace(list[piece.start:piece.end]), " {")
		if typ != "" {
			m.results = append(m.results, typ)
		}
	}
}

func (m *module) parseBody(body string) {
	for line := range strings.Lines(body) {
		if strings.HasPrefix(line, "  }") {
			return
		}
		for _, name := range variable.FindAllString(line, -1) {
			m.read[name] = true
		}
		if found := result.FindStringSubmatch(line); found != nil {
			m.returned = operands(found[1])
			continue
		}
		found := definition.FindStringSubmatch(line)
		if found != nil && slices.Contains(elementwise, found[2]) {
			m.defs[found[1]] = operands(found[3])
		}
		if found != nil && slices.Contains(filling, found[2]) {
			m.fills[found[1]] = operands(found[3])
		}
	}
}

func operands(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ", ")
}

// updated guesses which arguments are variables that the program changes. A result is the new value of the nearest
// variable of its type from which it is computed element by element. A constant result, or one that is not computed
// from such a variable, is the new value of a variable of its type that nothing reads, or that has no other result.
// Scalars are left out, because donating them gains nothing.
//
// It is a guess because the text does not say which variables change. The caller of the program knows; see
// matchDonation.
func (m *module) updated() []int {
	index := map[string]int{}
	for i, a := range m.args {
		if a.variable() && !a.scalar() {
			index[a.name] = i
		}
	}
	var found, left []int
	for i, value := range m.returned {
		if arg := m.nearest(value, m.results[i], index); arg >= 0 {
			found = append(found, arg)
		} else {
			left = append(left, i)
		}
	}
	for _, i := range left {
		constant := m.constant(m.returned[i])
		free := func(a argument) bool {
			at, ok := index[a.name]
			return ok && a.typ == m.results[i] && (constant || !m.read[a.name]) && !slices.Contains(found, at)
		}
		if at := slices.IndexFunc(m.args, free); at >= 0 {
			found = append(found, at)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// nearest returns, of the arguments of a type from which a value is computed element by element, the one with the
// fewest operations in between; -1 if there is none.
func (m *module) nearest(value, typ string, index map[string]int) int {
	seen := map[string]bool{}
	for todo := []string{value}; len(todo) > 0; todo = todo[1:] {
		v := todo[0]
		if i, ok := index[v]; ok && m.args[i].typ == typ {
			return i
		}
		if !seen[v] {
			seen[v] = true
			todo = append(todo, m.defs[v]...)
		}
	}
	return -1
}

// constant reports whether a value depends on no argument.
func (m *module) constant(value string) bool {
	from, ok := m.fills[value]
	return ok && !slices.ContainsFunc(from, func(v string) bool { return !m.constant(v) })
}

// donorMark tells the compiler that the memory of an argument may be used for a result.
const donorMark = "jax.buffer_donor = true"

// mark returns the text with the arguments marked as donors.
func (m *module) mark(args []int) string {
	var b strings.Builder
	at := 0
	for _, i := range args {
		a := m.args[i]
		b.WriteString(m.text[at:a.attrs])
		at = a.attrs
		if a.hasAttrs {
			b.WriteString(donorMark + ", ")
		} else {
			b.WriteString(" {" + donorMark + "}")
		}
	}
	b.WriteString(m.text[at:])
	return b.String()
}

// names lists arguments as their variables' names.
func (m *module) names(args []int) []string {
	names := make([]string, len(args))
	for i, a := range args {
		names[i] = strings.TrimPrefix(m.args[a].name, "%_")
	}
	return names
}

// canonical is the text without the parts that differ between runs of one program: it drops the name of the
// module, which counts graphs, and numbers random identifiers in order of appearance.
func canonical(text string) string {
	text = moduleName.ReplaceAllString(text, "module")
	seen := map[string]string{}
	return randomID.ReplaceAllStringFunc(text, func(id string) string {
		if seen[id] == "" {
			seen[id] = fmt.Sprintf("id%d", len(seen))
		}
		return seen[id]
	})
}

// piece is a span of bytes.
type piece struct{ start, end int }

// pieces splits the list that begins at offset at and ends at its closing parenthesis. It splits at commas
// outside brackets and quotes.
func pieces(text string, at int) []piece {
	var out []piece
	end := closing(text, at)
	if end < 0 {
		return nil
	}
	start, depth, quoted := at, 0, false
	for i := at; i < end; i++ {
		switch c := text[i]; {
		case c == '"':
			quoted = !quoted
		case quoted:
		case strings.IndexByte("([{<", c) >= 0:
			depth++
		case strings.IndexByte(")]}>", c) >= 0:
			depth--
		case c == ',' && depth == 0:
			out = append(out, piece{start, i})
			start = i + 1
		}
	}
	if start < end {
		out = append(out, piece{start, end})
	}
	return out
}

// closing is the offset of the parenthesis that closes a list which begins at offset at, or -1.
func closing(text string, at int) int {
	depth, quoted := 0, false
	for i := at; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')' && depth == 0:
			return i
		case c == ')':
			depth--
		}
	}
	return -1
}
