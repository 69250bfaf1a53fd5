package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/subbert/subbert"

// pkg is what the test needs of `go list -json`.
type pkg struct {
	ImportPath string
	Dir        string
	Imports    []string
	GoFiles    []string
	CgoFiles   []string
}

// rel is the package's path within the module.
func (p pkg) rel() string { return strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/") }

// packages lists the module's packages as built with and without cgo.
func packages(t *testing.T) []pkg {
	t.Helper()
	var all []pkg
	for _, cgo := range []string{"0", "1"} {
		cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Imports,GoFiles,CgoFiles", module+"/...")
		cmd.Env = append(os.Environ(), "CGO_ENABLED="+cgo)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("go list: %v\n%s", err, &stderr)
		}
		dec := json.NewDecoder(bytes.NewReader(out))
		for {
			var p pkg
			if err := dec.Decode(&p); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			all = append(all, p)
		}
	}
	return all
}

// under says whether rel is one of dirs or inside one of them.
func under(rel string, dirs ...string) bool {
	return slices.ContainsFunc(dirs, func(d string) bool { return rel == d || strings.HasPrefix(rel, d+"/") })
}

// tensors says whether imp is a tensor library or cgo.
func tensors(imp string) bool {
	return imp == "C" || under(imp, "github.com/gomlx/gomlx", "github.com/gomlx/compute", "github.com/gomlx/go-xla")
}

// layers are our directories, with those of ours that each may import. A package may import its own layer, and the first
// layer that it lies in counts. Everyone may import the leaves.
var layers = []struct {
	dir     string
	imports []string
}{
	{"cmd", []string{
		"backend", "checkpoints", "compare", "configs", "data", "evaluate", "extract", "plan", "report", "reproduce", "runs", "score", "sweep", "tasks/encoding", "tpu",
	}},
	{"runs/result", []string{"data/marked", "evaluate"}},
	{"runs/runstest", []string{"data", "models/bert"}},
	{"runs/quickstart", []string{"compare", "data", "evaluate", "models/bert", "runs/result"}},
	{"runs", []string{"backend", "checkpoints", "configs", "data", "evaluate", "models", "report", "tasks", "trainer"}},
	{"extract", []string{"backend", "checkpoints", "data", "evaluate", "models", "report", "runs/result", "tasks", "trainer"}},
	{"compare", []string{"data", "evaluate", "runs/result"}},
	{"score", []string{"data", "evaluate"}},
	{"plan/estimate", nil},
	{"plan", []string{"backend", "checkpoints", "configs", "models", "tasks", "trainer"}},
	{"configs", []string{"models/bert", "tasks", "trainer"}},
	{"tasks", []string{"checkpoints", "data", "evaluate", "models", "trainer"}},
	{"trainer", []string{"checkpoints"}},
	{"models", nil},
	{"checkpoints", []string{"data/wordpiece"}},
	{"data", nil},
	{"evaluate", nil},
	{"report/facts", []string{"data/concepts", "data/extracted"}},
	{"report", []string{"compare", "data/marked", "data/relations", "evaluate", "runs/result", "sweep"}},
	{"sweep/tpu", []string{"checkpoints/bucket", "runs/result", "sweep", "tpu/launch"}},
	{"sweep", []string{"runs/result"}},
	{"reproduce/forecast", []string{"configs", "plan", "reproduce", "tpu/launch"}},
	{"reproduce", []string{"checkpoints", "compare", "data/request", "evaluate", "report", "runs/result", "sweep"}},
	{"backend", nil},
	{"tpu/launch", []string{"backend/pjrt", "checkpoints", "runs/result"}},
	{"tpu", []string{"plan"}},
	{"internal", []string{"models"}}, // internal/parity runs models in tests
	{"scripts/release", []string{"backend"}},
	{"scripts", []string{"checkpoints", "data", "evaluate", "models", "tasks", "trainer"}},
}

// leaves are packages that import nothing of ours and serve every layer.
var leaves = []string{"internal/atomicfile", "internal/boundedtoml", "internal/ctxio", "internal/freespace", "internal/gapi", "internal/golden", "internal/pace", "internal/process", "internal/readable", "internal/regularfile", "internal/remote", "internal/tbevents", "internal/versions", "internal/wire"}

// withoutTensors are the layers that import no tensor library and no cgo; those that do within them are excepted.
var (
	withoutTensors = []string{"checkpoints", "compare", "data", "evaluate", "report", "reproduce", "runs/result", "score", "sweep"}
	excepted       = []string{"reproduce/forecast"}
)

// ofRuns are the packages that carry runs out. The command has them do so, and touches none of what they are made of.
var ofRuns = []string{"trainer", "models", "data/instances", "tasks/pretraining", "tasks/relation", "tasks/probing"}

func TestImports(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range packages(t) {
		rel := p.rel()
		i := slices.IndexFunc(layers, func(l struct {
			dir     string
			imports []string
		}) bool {
			return under(rel, l.dir)
		})
		if i < 0 {
			t.Errorf("%s belongs to no layer: give it one in layers", p.ImportPath)
			continue
		}
		layer := layers[i]
		for _, imp := range p.Imports {
			complain := func(why string) {
				if line := fmt.Sprintf("%s imports %s: %s", rel, imp, why); !seen[line] {
					seen[line] = true
					t.Error(line)
				}
			}
			if under(rel, withoutTensors...) && !under(rel, excepted...) && tensors(imp) {
				complain("this layer knows no tensor library and no cgo")
			}
			if imp == "C" && !under(rel, "backend/pjrt", "backend/largepages") {
				complain("all cgo of ours lives in backend/pjrt and backend/largepages")
			}
			if imp == module+"/backend/largepages" && !under(rel, "cmd") {
				complain("it replaces the memory of whoever links it, which is for a program to choose")
			}
			if ours, ok := strings.CutPrefix(imp, module+"/"); ok && !under(ours, layer.dir) && !under(ours, layer.imports...) && !slices.Contains(leaves, ours) {
				complain(fmt.Sprintf("%s may import %s of ours", layer.dir, strings.Join(append([]string{layer.dir}, layer.imports...), ", ")))
			}
			if ours := strings.TrimPrefix(imp, module+"/"); under(rel, "cmd") && under(ours, ofRuns...) {
				complain("the command has runs, extract and plan do that")
			}
			if under(imp, "github.com/google/renameio") && !under(rel, "internal/atomicfile") {
				complain("whole files are written by internal/atomicfile")
			}
			if under(imp, "github.com/gomlx/gomlx/backends/default") || strings.HasSuffix(imp, "/autoinstall") {
				complain("the choice of backend is ours and downloads nothing")
			}
		}
	}
}

// TestWhatTheProgramBrings bounds what is linked into the program. Clients of cloud services bring gRPC and its friends,
// which are more than all the rest.
func TestWhatTheProgramBrings(t *testing.T) {
	most := map[string]int{"0": 600, "1": 625} // packages, by CGO_ENABLED
	foreign := []string{"google.golang.org/grpc", "google.golang.org/genproto", "go.opentelemetry.io", "github.com/envoyproxy",
		"cloud.google.com/go/storage", "github.com/fsouza/fake-gcs-server", "github.com/google/go-cmp", "testing"}
	for _, cgo := range []string{"0", "1"} {
		cmd := exec.Command("go", "list", "-deps", module+"/cmd/subbert")
		cmd.Env = append(os.Environ(), "CGO_ENABLED="+cgo)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		all := strings.Fields(string(out))
		if len(all) > most[cgo] {
			t.Errorf("CGO_ENABLED=%s: the program is made of %d packages, want at most %d", cgo, len(all), most[cgo])
		}
		for _, imp := range all {
			if under(imp, foreign...) {
				t.Errorf("CGO_ENABLED=%s: the program brings %s", cgo, imp)
			}
		}
	}
}

// TestOnlyCmdTouchesTheProcess: libraries return errors and values, and leave the environment, standard output and the
// exit code to cmd.
func TestOnlyCmdTouchesTheProcess(t *testing.T) {
	forbidden := map[string][]string{
		"os":  {"Getenv", "LookupEnv", "Environ", "Exit", "Stdout", "Stderr", "Stdin", "Args"},
		"fmt": {"Print", "Printf", "Println"},
		"log": {"Print", "Printf", "Println", "Fatal", "Fatalf", "Panic", "Default"},
	}
	eachFile(t, func(rel, file string, f *ast.File) {
		if under(rel, "cmd", "scripts") {
			return
		}
		ast.Inspect(f, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := sel.X.(*ast.Ident); ok && x.Obj == nil && slices.Contains(forbidden[x.Name], sel.Sel.Name) {
				t.Errorf("%s: %s.%s belongs to cmd", file, x.Name, sel.Sel.Name)
			}
			return true
		})
	})
}

// TestOnlyCmdKnowsAConsole: who prints to a person, and asks flags, is cmd. What others need of it they are handed.
func TestOnlyCmdKnowsAConsole(t *testing.T) {
	eachFile(t, func(rel, file string, f *ast.File) {
		if under(rel, "cmd", "scripts") {
			return
		}
		for _, imp := range f.Imports {
			if path := strings.Trim(imp.Path.Value, `"`); path == "flag" || path == "github.com/alecthomas/kong" {
				t.Errorf("%s: imports %s: flags belong to cmd", file, path)
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && strings.EqualFold(id.Name, "console") {
				t.Errorf("%s: knows a %s, which belongs to cmd", file, id.Name)
			}
			return true
		})
	})
}

// TestBoundedTOML: TOML is decoded by internal/boundedtoml, since a small file without bounds takes much memory.
func TestBoundedTOML(t *testing.T) {
	const decoder = "github.com/BurntSushi/toml"
	eachFile(t, func(rel, file string, f *ast.File) {
		if under(rel, "internal/boundedtoml") || !slices.ContainsFunc(f.Imports, func(i *ast.ImportSpec) bool { return strings.Trim(i.Path.Value, `"`) == decoder }) {
			return
		}
		ast.Inspect(f, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == "toml" && slices.Contains([]string{"Decode", "DecodeFile", "DecodeFS", "NewDecoder", "Unmarshal"}, sel.Sel.Name) {
				t.Errorf("%s: toml.%s: internal/boundedtoml decodes TOML", file, sel.Sel.Name)
			}
			return true
		})
	})
}

func TestNoInitAndNoDrawers(t *testing.T) {
	drawers := []string{"util", "utils", "common", "helper", "helpers", "misc"}
	eachFile(t, func(rel, file string, f *ast.File) {
		if slices.Contains(drawers, path.Base(rel)) || slices.Contains(drawers, strings.TrimSuffix(filepath.Base(file), ".go")) {
			t.Errorf("%s: a drawer; name it after what is in it", file)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s: has func init", file)
			}
		}
	})
}

// eachFile parses every Go file of the module but tests, once.
func eachFile(t *testing.T, visit func(rel, file string, f *ast.File)) {
	t.Helper()
	files := map[string]string{} // file -> package
	for _, p := range packages(t) {
		for _, name := range slices.Concat(p.GoFiles, p.CgoFiles) {
			files[filepath.Join(p.Dir, name)] = p.rel()
		}
	}
	if len(files) == 0 {
		t.Fatal("no files: the test looks in the wrong place")
	}
	for file, rel := range files {
		if strings.HasSuffix(file, "_cgo_gotypes.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		visit(rel, path.Join(rel, filepath.Base(file)), f)
	}
}

// TestRoomForOutputs: no package lies where a verb writes by default, so that README's first command runs in a clone.
func TestRoomForOutputs(t *testing.T) {
	for _, p := range packages(t) {
		if under(p.rel(), "quickstart", "reproduced") {
			t.Errorf("%s lies where a verb writes by default", p.ImportPath)
		}
	}
}
