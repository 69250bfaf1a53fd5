package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/subbert/subbert/runs/runstest"
)

// TestPipes: a verb that waits for a pipe, to open it, to read from it or to write to it, ends at the first SIGTERM, says
// so in one line, and writes nothing.
func TestPipes(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: many processes")
	}
	dir := pipes(t)
	before := paths(t, dir)
	t.Run("verbs", func(t *testing.T) {
		for _, args := range waitingVerbs {
			kinds := []string{"unwritten", "stalled"}
			if strings.Contains(args, "TO.") {
				kinds = []string{"unread", "full"}
			}
			for _, kind := range kinds {
				words := strings.Fields(strings.NewReplacer("FROM", kind, "TO", kind).Replace(args))
				t.Run(strings.Join(words, " "), func(t *testing.T) {
					t.Parallel()
					endsWhileItWaits(t, dir, words, "")
				})
			}
		}
	})
	t.Run("standard output", func(t *testing.T) {
		for _, args := range printingVerbs {
			t.Run(args, func(t *testing.T) {
				t.Parallel()
				endsWhileItWaits(t, dir, strings.Fields(args), filepath.Join(dir, "full.txt"))
			})
		}
	})
	kept := regexp.MustCompile(`^(marked-again\.tsv|(unread|full)\.tsv\.work(/.*)?)$`) // whole files, and the finished work of extract
	for _, path := range paths(t, dir) {
		if !slices.Contains(before, path) && !kept.MatchString(path) {
			t.Errorf("left behind: %s", path)
		}
	}
}

// waitingVerbs are command lines; FROM begins the name of a pipe to read from, TO of one to write to.
var waitingVerbs = []string{
	"config check FROM.toml",
	"config init pretrain --out TO.toml",
	"pretrain FROM.toml",
	"finetune FROM.toml",
	"probe FROM.toml",
	"finetune corpus.toml --set data.corpus=FROM.txt",
	"plan FROM.toml --device cpu",
	"sweep FROM.toml --out out",
	"sweep sweep-FROM.toml --out out",
	"reproduce FROM.toml --out out",
	"reproduce table1 --sources FROM.toml --out out",
	"reproduce table1 --scale FROM.toml --out out",
	"reproduce table1 --places FROM.toml --out out",
	"score --task ddi --gold FROM.txt --pred labels.txt",
	"score --task ddi --gold labels.txt --pred FROM.txt",
	"score --level document --gold FROM.txt --pred labels.txt",
	"compare FROM.tsv predictions.tsv",
	"compare predictions.tsv FROM.tsv",
	"compare predictions.tsv predictions.tsv --errors TO.html --sentences marked.tsv",
	"data inspect FROM.tsv",
	"data tokenize --vocab made/start/vocab.txt FROM.txt",
	"data relations FROM.txt --from pubtator --out out.tsv",
	"data relations FROM.xml --from bioc --out out.tsv",
	"data relations FROM.xml --from ddi2013 --out out.tsv",
	"data relations FROM.jsonl --from jsonl --out out.tsv",
	"data relations FROM.tsv --from tsv --out out.tsv",
	"data relations marked.tsv --from tsv --only FROM.txt --out out.tsv",
	"data relations marked.tsv --from tsv --out TO.tsv",
	"data relations marked.tsv --from tsv --out marked-again.tsv --result TO.json --force",
	"data select --query aspirin --exclude FROM.txt --out out documents.jsonl",
	"data select --query aspirin --mode mesh --mesh FROM.xml --out out documents.jsonl",
	"data select --mode entity --entities chemical --tables FROM.txt --out out documents.jsonl",
	"data shard --vocab made/start/vocab.txt --out out FROM.jsonl",
	"extract tuned/model FROM.txt --out out.tsv",
	"extract tuned/model FROM.xml --out out.tsv",
	"extract tuned/model pubtator.txt --ids FROM.txt --out out.tsv",
	"extract tuned/model pubtator.txt --types Chemical,Chemical --as DRUG,DRUG --out TO.tsv",
	"extract summarize FROM.tsv",
	"extract summarize FROM.jsonl",
	"extract summarize rows.jsonl --out TO.tsv",
	"extract summarize rows.jsonl --out TO.html",
	"predict tuned/model FROM.tsv --out out.tsv",
	"predict tuned/model FROM.txt --from pubtator --to pubtator --out out.txt",
	"predict tuned/model FROM.xml --from bioc --to bioc --out out.xml",
	"predict tuned/model marked.tsv --out TO.tsv",
	"attention tuned/model --layer 1 --corpus FROM.tsv --out out",
	"attention tuned/model --layer 1 --corpus marked.tsv --baseline FROM.tsv --out out",
	"model encode --model tuned/model --out out.safetensors FROM.jsonl",
	"model encode --model tuned/model --out TO.safetensors records.jsonl",
	"report tuned --out TO.html",
	"tpu ssh --identity FROM.txt --store file:///nowhere -- true",
}

// printingVerbs are command lines of the ways to print: a table, JSON, text by line, a config, an output given as "-".
var printingVerbs = []string{
	"config init pretrain",
	"backend list --json",
	"model inspect tuned/model",
	"model inspect tuned/model --json",
	"score --task ddi --gold labels.txt --pred labels.txt",
	"compare predictions.tsv predictions.tsv --json",
	"data inspect marked.tsv",
	"data tokenize --vocab made/start/vocab.txt documents.jsonl",
	"data relations marked.tsv --from tsv --out -",
	"predict tuned/model marked.tsv --out -",
	"extract summarize rows.jsonl",
	"plan --help",
}

// endsWhileItWaits starts a verb and sends it a signal once it waits. Its standard output is the file called out, or none.
func endsWhileItWaits(t *testing.T, dir string, args []string, out string) {
	t.Helper()
	c := exec.Command("subbert", append([]string{"--backend", "go"}, args...)...)
	c.Dir, c.Stderr = dir, new(bytes.Buffer)
	c.Env = append(os.Environ(), "TMPDIR="+dir)
	if out != "" {
		f, err := os.OpenFile(out, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		c.Stdout = f
	}
	r := begin(t, c)
	r.until(t, "a wait", func() bool {
		used := processorTime(c.Process.Pid)
		time.Sleep(300 * time.Millisecond)
		return processorTime(c.Process.Pid) == used && asleep(c.Process.Pid)
	})
	sent := time.Now()
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-r.ended:
	case <-time.After(endsAfterWait):
		c.Process.Signal(syscall.SIGQUIT) // makes it print its goroutines
		<-r.ended
	}
	said := fmt.Sprint(c.Stderr)
	if took, code := time.Since(sent), c.ProcessState.ExitCode(); code != exitInterrupted || took >= endsAfter {
		t.Fatalf("exit code %d after %.2f s, want %d within %v\n%s", code, took.Seconds(), exitInterrupted, endsAfter, said)
	}
	if n := strings.Count(said, "error:"); n != 1 || !strings.HasPrefix(last(said), "error: interrupted: ") {
		t.Errorf("it says\n%swant the interruption in its last line", said)
	}
}

// asleep reports whether every thread of a process waits for something other than a processor or a disk. A Go program
// that has started has several. (Its processor time may stay 0: the kernel counts it in hundredths of a second.)
func asleep(pid int) bool {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	for _, thread := range threads {
		text, err := os.ReadFile(thread)
		if _, state, _ := strings.Cut(string(text), ") "); err == nil && !strings.HasPrefix(state, "S") { // the name may contain spaces
			return false
		}
	}
	return err == nil && len(threads) > 1
}

// pipes returns a directory with the inputs of waitingVerbs and pipes whose names begin with their kind: unwritten and unread
// ones are open at no other end, stalled ones are open and empty, full ones are open and full.
func pipes(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	files, err := runstest.Make(t.Context(), in("made"))
	if err != nil {
		t.Fatal(err)
	}
	finish(t, child(dir, "finetune", files.Finetune, "--set", "run.dir=tuned"), 0)
	for _, kind := range []string{"unwritten", "stalled", "unread", "full"} {
		for _, extension := range []string{".toml", ".txt", ".tsv", ".xml", ".jsonl", ".json", ".html", ".safetensors"} {
			pipe(t, in(kind+extension), kind)
		}
		put(t, in("sweep-"+kind+".toml"), fmt.Appendf(nil, "[[run]]\nname = \"a\"\nverb = \"finetune\"\nconfig = %q\n", in(kind+".toml")))
	}
	put(t, in("corpus.toml"), fmt.Appendf(nil, "[model]\ninit = %q\n[data]\n[task]\nname = \"relation\"\ncorpus = \"pubtator\"\nsequence = 32\nbatch = 4\n[schedule]\nepochs = 1\n[run]\ndir = \"run\"\n", files.Start))
	put(t, in("labels.txt"), []byte("false\neffect\n"))
	put(t, in("predictions.tsv"), []byte("index\tgold\tpredicted\na\tfalse\teffect\nb\teffect\teffect\n"))
	put(t, in("marked.tsv"), []byte("index\tsentence\tlabel\na\t@DRUG$ inhibits @DRUG$ in patients.\tfalse\nb\t@DRUG$ inhibits @DRUG$ in rats.\teffect\n"))
	put(t, in("documents.jsonl"), fmt.Appendf(nil, `{"id":"1","title":%q}`+"\n", sentence))
	put(t, in("records.jsonl"), fmt.Appendf(nil, `{"id":"1","text":%q}`+"\n", sentence))
	put(t, in("pubtator.txt"), fmt.Appendf(nil, "1|t|%[1]s\n1|a|%[1]s\n1\t0\t7\tAspirin\tChemical\tC1\n1\t34\t42\twarfarin\tChemical\tC2\n\n", sentence))
	put(t, in("rows.jsonl"), []byte(`{"pmid":"1","label":"effect","a_id":"C1","b_id":"C2","probability":0.9}`+"\n"))
	return dir
}

// pipe makes a pipe of a kind.
func pipe(t *testing.T, name, kind string) {
	t.Helper()
	if err := unix.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	if kind == "unwritten" || kind == "unread" {
		return
	}
	fd, err := unix.Open(name, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	for kind == "full" && err == nil {
		_, err = unix.Write(fd, make([]byte, 4096))
	}
	if err != nil && err != unix.EAGAIN {
		t.Fatal(err)
	}
}
