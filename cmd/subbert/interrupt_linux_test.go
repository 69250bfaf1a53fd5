package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/subbert/subbert/data/shards"
	"github.com/subbert/subbert/runs/runstest"
)

// uninterrupted makes TestInterrupts run every verb to its end, to check that its work is long enough.
var uninterrupted = flag.Bool("uninterrupted", false, "TestInterrupts interrupts nothing and says how long the verbs take")

// onTerminals makes TestInterrupts also check progress on terminals, which takes minutes.
var onTerminals = flag.Bool("terminals", false, "TestInterrupts wants progress on a terminal and none with --quiet")

// Limits on how soon a verb ends after the first signal: in processor time, which does not depend on the load of the
// machine, and in real time for verbs that wait.
const (
	endsAfter     = 2 * time.Second
	endsAfterWait = 10 * time.Second
)

// long is a verb with work for more than twenty seconds.
type long struct {
	name       string
	args       []string
	input      func() io.Reader // standard input; nil: none
	says       string           // pattern of what the message says is kept; empty: nothing
	keeps      string           // pattern of the paths that may remain; empty: none
	unmeasured bool             // it shows no progress in the first seconds
}

// TestInterrupts runs the verbs that can take more than five seconds and need no device. Each ends soon after the first
// signal, whatever it is doing, says in one line what is kept, with exit code 130, and leaves no unfinished output. It
// shows progress on a terminal, and only there.
func TestInterrupts(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: many processes, some seconds each")
	}
	dir := longInputs(t)
	before := paths(t, dir)
	verbs := longVerbs(dir)
	signals := []syscall.Signal{syscall.SIGINT, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as it is under nohup, where the program does not end by it
		signals = append(signals, syscall.SIGHUP)
	}
	t.Run("verbs", func(t *testing.T) {
		for i, w := range verbs {
			t.Run(w.name, func(t *testing.T) {
				t.Parallel()
				if *uninterrupted {
					started := time.Now()
					err := w.command(dir).Run()
					t.Logf("%.1f s to the end (%v)", time.Since(started).Seconds(), err)
					return
				}
				w.interrupt(t, dir, signals[i%len(signals)], time.Second)
				if *onTerminals && !w.unmeasured {
					w.onTerminal(t, dir)
				}
			})
		}
	})
	kept := func(path string) bool {
		return slices.Contains(before, path) || slices.ContainsFunc(verbs, func(w long) bool { return w.keeps != "" && regexp.MustCompile(w.keeps).MatchString(path) })
	}
	for _, path := range paths(t, dir) {
		if !*uninterrupted && !kept(path) {
			t.Errorf("left behind: %s", path)
		}
	}
}

// command returns the command of w, ready to start.
func (w long) command(dir string) *exec.Cmd {
	c := exec.Command("subbert", append([]string{"--backend", "go"}, w.args...)...)
	c.Dir, c.Stderr = dir, new(bytes.Buffer)
	if w.input != nil {
		c.Stdin = w.input()
	}
	c.WaitDelay = time.Second // for standard input that never ends
	return c
}

// interrupt sends w a signal after some time.
func (w long) interrupt(t *testing.T, dir string, signal syscall.Signal, after time.Duration) {
	t.Helper()
	c := w.command(dir)
	r := begin(t, c)
	select {
	case err := <-r.ended:
		t.Fatalf("it ended within %v: %v\n%s", after, err, c.Stderr)
	case <-time.After(after):
	}
	spent := processorTime(c.Process.Pid)
	sent := time.Now()
	if err := c.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	select {
	case <-r.ended:
	case <-time.After(endsAfterWait):
		c.Process.Signal(syscall.SIGQUIT) // makes it print its goroutines
		<-r.ended
	}
	took, worked := time.Since(sent), c.ProcessState.UserTime()+c.ProcessState.SystemTime()-spent
	said := fmt.Sprint(c.Stderr)
	t.Logf("%v after %v: ended after %.2f s, %.2f s of the processor: %s", signal, after, took.Seconds(), worked.Seconds(), last(said))
	if code := c.ProcessState.ExitCode(); code != exitInterrupted || worked > endsAfter || took >= endsAfterWait {
		t.Errorf("%v after %v: exit code %d, %.2f s of the processor and %.2f s later; want %d within %v\n%s", signal, after, code, worked.Seconds(), took.Seconds(), exitInterrupted, endsAfter, said)
	}
	if says := w.sentence(); !regexp.MustCompile(says).MatchString(said) {
		t.Errorf("it says\n%swant a line that matches %s", said, says)
	}
	if strings.ContainsAny(said, "\r\x1b") {
		t.Errorf("progress where there is no terminal: %q", said)
	}
}

// sentence returns the pattern of the line that says what is kept.
func (w long) sentence() string {
	says := w.says
	if says == "" {
		says = "nothing was written; the same command starts again"
	}
	return `(?m)^error: .*interrupted: .*` + says + `.*$`
}

// onTerminal checks that w shows progress with a rate on a terminal, and none with --quiet.
func (w long) onTerminal(t *testing.T, dir string) {
	t.Helper()
	for _, quiet := range []bool{false, true} {
		c := w.command(dir)
		if quiet {
			c.Args = slices.Insert(c.Args, 1, "--quiet")
		}
		seen := terminal(t, c)
		line := regexp.MustCompile(`\r\x1b\[K[^\r\n]*/s`)
		var text string
		patience := map[bool]time.Duration{false: 20 * time.Second, true: 2 * time.Second}[quiet]
		for deadline := time.Now().Add(patience); time.Now().Before(deadline) && !line.MatchString(text); {
			select {
			case more := <-seen:
				text += more
			case <-time.After(100 * time.Millisecond):
			}
		}
		c.Process.Signal(syscall.SIGTERM)
		go func() {
			for range seen {
			}
		}()
		c.Wait()
		if shown := line.MatchString(text); shown == quiet {
			t.Errorf("quiet %v: on a terminal it shows %q", quiet, text)
		}
	}
}

// terminal starts c with its standard error on a terminal and returns the text that appears there.
func terminal(t *testing.T, c *exec.Cmd) <-chan string {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no terminal: %v", err)
	}
	if err := unix.IoctlSetPointerInt(int(screen.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(screen.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	line, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	c.Stderr = line
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	line.Close()
	seen := make(chan string)
	go func() {
		defer close(seen)
		defer screen.Close()
		text := make([]byte, 4096)
		for {
			n, err := screen.Read(text)
			if err != nil {
				return
			}
			seen <- string(text[:n])
		}
	}()
	return seen
}

// processorTime returns the processor time that a process has used so far.
func processorTime(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), ") ") // the name may contain spaces
	var user, system int64
	if _, err := fmt.Sscan(strings.Join(strings.Fields(rest)[11:13], " "), &user, &system); err != nil {
		return 0
	}
	return time.Duration(user+system) * time.Second / 100
}

// paths returns the paths of everything below dir.
func paths(t *testing.T, dir string) (all []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		all = append(all, strings.TrimPrefix(path, dir+"/"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// last returns the last line of text.
func last(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// endless is a reader that repeats a text forever.
type endless struct {
	text string
	at   int
}

func (e *endless) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		m := copy(p[n:], e.text[e.at:])
		n, e.at = n+m, (e.at+m)%len(e.text)
	}
	return n, nil
}

// put writes a file.
func put(t *testing.T, name string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// linked makes a directory in which one file has n names: it takes as long to read as n files and the space of one.
func linked(t *testing.T, folder, extension string, n int, content []byte) {
	t.Helper()
	first := filepath.Join(folder, "00000"+extension)
	put(t, first, content)
	for i := 1; i < n; i++ {
		if err := os.Link(first, filepath.Join(folder, fmt.Sprintf("%05d%s", i, extension))); err != nil {
			t.Fatal(err)
		}
	}
}

// lines returns line(0), line(1) and so on, up to the given size in bytes.
func lines(size int, line func(i int) string) []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < size; i++ {
		b.WriteString(line(i))
	}
	return b.Bytes()
}

const (
	sentence = "Aspirin inhibits the clearance of warfarin in patients with renal failure."
	second   = " It was not seen in 12 of 40 patients."
)

// longInputs makes inputs that take more than twenty seconds to process.
func longInputs(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	files, err := runstest.Make(t.Context(), in("made"))
	if err != nil {
		t.Fatal(err)
	}
	finish(t, child(dir, "finetune", files.Finetune, "--set", "run.dir=tuned"), 0)
	finish(t, child(dir, "pretrain", files.Pretrain, "--set", "run.dir=trained"), 0)

	linked(t, in("documents"), ".jsonl", 1000, lines(4<<20, func(i int) string {
		return fmt.Sprintf(`{"id":"%d","title":"%s","abstract":"%s"}`+"\n", i, sentence, strings.Repeat(sentence+second+" ", 8))
	}))
	put(t, in("pubtator.txt"), lines(200<<20, func(i int) string {
		return fmt.Sprintf("%[1]d|t|%[2]s\n%[1]d|a|%[2]s\n%[1]d\t0\t7\tAspirin\tChemical\tC1\n%[1]d\t34\t42\twarfarin\tChemical\tC2\n%[1]d\t75\t82\tAspirin\tChemical\tC1\n\n", i+1, sentence)
	}))
	put(t, in("bioc.xml"), []byte("<collection>"+string(lines(200<<20, func(i int) string {
		return fmt.Sprintf(`<document><id>%d</id><passage><offset>0</offset><text>%s</text>`+
			`<annotation id="T1"><infon key="type">Chemical</infon><location offset="0" length="7"/><text>Aspirin</text></annotation>`+
			`<annotation id="T2"><infon key="type">Chemical</infon><location offset="34" length="8"/><text>warfarin</text></annotation></passage></document>`+"\n", i, sentence)
	}))+"</collection>"))
	for k := range 8 { // a corpus of several files, each as large as one may be
		put(t, in(fmt.Sprintf("ddi/%d.xml", k)), []byte(fmt.Sprintf(`<document id="d%d">`, k)+string(lines(24<<20, func(i int) string {
			return fmt.Sprintf(`<sentence id="d%[3]d.s%[1]d" text="%[2]s"><entity id="d%[3]d.s%[1]d.e0" charOffset="0-6" type="drug" text="Aspirin"/>`+
				`<entity id="d%[3]d.s%[1]d.e1" charOffset="34-41" type="drug" text="warfarin"/>`+
				`<pair id="d%[3]d.s%[1]d.p0" e1="d%[3]d.s%[1]d.e0" e2="d%[3]d.s%[1]d.e1" ddi="true" type="effect"/></sentence>`, i, sentence, k)
		}))+"</document>"))
	}
	put(t, in("marked.tsv"), append([]byte("index\tsentence\tlabel\n"), lines(200<<20, func(i int) string {
		return fmt.Sprintf("d%d.s0.p0\t@DRUG$ inhibits @DRUG$ in patients.\t%s\n", i, []string{"false", "effect"}[i%2])
	})...))
	put(t, in("labels.txt"), lines(200<<20, func(i int) string { return []string{"false\n", "effect\n"}[i%2] }))
	put(t, in("records.jsonl"), lines(200<<20, func(i int) string { return fmt.Sprintf(`{"id":"%d","text":"%s"}`+"\n", i, sentence) }))
	predictions := func(n int) []byte {
		return append([]byte("index\tgold\tpredicted\n"), lines(n*20, func(i int) string {
			return fmt.Sprintf("%012d\t%s\t%s\n", i, []string{"false", "effect"}[i%2], []string{"false", "effect", "false"}[i%3])
		})...)
	}
	put(t, in("few.tsv"), predictions(5000))
	put(t, in("many.tsv"), predictions(1_500_000))
	put(t, in("recorded/config.toml"), []byte("[task]\nname = \"pretraining\"\n"))
	put(t, in("recorded/metrics.jsonl"), lines(400<<20, func(i int) string {
		return fmt.Sprintf(`{"step":%d,"loss":2.5,"mlm_loss":1.9,"nsp_loss":0.3,"mlm_accuracy":0.6,"nsp_accuracy":0.9,"learning_rate":1e-5,"grad_norm":1.25,"tokens_per_sec":170700,"seconds":%d}`+"\n", i+1, i)
	}))
	sparseModel(t, in("model"), files.Start)
	manyShards(t, in("shards"), files.Shards)
	put(t, in("corpus.toml"), fmt.Appendf(nil, "[model]\ninit = %q\n[data]\ncorpus = %q\n[task]\nname = \"relation\"\ncorpus = \"pubtator\"\nsequence = 32\nbatch = 4\n[schedule]\nepochs = 1\n[run]\ndir = \"run\"\n", files.Start, in("pubtator.txt")))
	put(t, in("sweep.toml"), []byte("[[run]]\nname = \"page\"\nverb = \"report\"\nargs = [\"--out\", \"{out}/page.html\", \"recorded\"]\n"))
	return dir
}

// sparseModel makes a model of 24 GB of zeros that takes no space on the disk.
func sparseModel(t *testing.T, dir, like string) {
	t.Helper()
	for _, name := range []string{"config.json", "vocab.txt"} {
		content, err := os.ReadFile(filepath.Join(like, name))
		if err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(dir, name), content)
	}
	header := map[string]any{}
	end := 0
	for l := range 1500 {
		header[fmt.Sprintf("bert.encoder.layer.%d.output.dense.weight", l)] = map[string]any{"dtype": "F32", "shape": []int{1000, 4000}, "data_offsets": []int{end, end + 16_000_000}}
		end += 16_000_000
	}
	text, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "model.safetensors")
	length := len(text)
	put(t, name, append([]byte{byte(length), byte(length >> 8), byte(length >> 16), 0, 0, 0, 0, 0}, text...))
	if err := os.Truncate(name, int64(8+length+end)); err != nil {
		t.Fatal(err)
	}
}

// manyShards makes a directory of shards that lists one training shard of 30 MB many times. Apart from documents, its
// manifest is that of the directory like.
func manyShards(t *testing.T, dir, like string) {
	t.Helper()
	const documents, sentences, files = 8000 * 16, 20, 1000
	set, err := shards.Open(like)
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	w, err := shards.Create(dir, set.Header())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Discard()
	d := &shards.Document{Words: 200, TextBytes: 1200}
	for range sentences {
		d.Lengths = append(d.Lengths, 10)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 10 * sentences {
		d.IDs = append(d.IDs, random.Int32N(int32(set.Header().Vocabulary.Size)))
	}
	for range documents {
		if err := w.Add(shards.Train, d); err != nil {
			t.Fatal(err)
		}
	}
	h, err := w.Commit(nil)
	if err != nil {
		t.Fatal(err)
	}
	train := h.Splits[shards.Train]
	one, counts := train.Shards[0], train.Counts
	for i := 1; i < files; i++ {
		more := one
		more.File = fmt.Sprintf("train-%05d.shard", i)
		if err := os.Link(filepath.Join(dir, one.File), filepath.Join(dir, more.File)); err != nil {
			t.Fatal(err)
		}
		train.Shards = append(train.Shards, more)
		train.Counts.Add(counts)
	}
	h.Splits[shards.Train] = train
	text, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "manifest.json"), text)
}

// longVerbs returns the verbs, on the inputs in dir.
func longVerbs(dir string) []long {
	documents := []string{}
	for i := range 1000 {
		documents = append(documents, fmt.Sprintf("documents/%05d.jsonl", i))
	}
	text := func() io.Reader { return &endless{text: sentence + second + "\n"} }
	const start = "made/start"
	prepared := "(finished work is kept in|nothing was written)"
	return []long{
		{name: "data select", args: append([]string{"data", "select", "--query", "warfarin", "--out", "out"}, documents...), says: prepared, keeps: `^out\.work`},
		{name: "data shard", args: append([]string{"data", "shard", "--vocab", start + "/vocab.txt", "--out", "sharded"}, documents...), says: prepared, keeps: `^sharded\.work`},
		{name: "data relations, pubtator", args: []string{"data", "relations", "pubtator.txt", "--from", "pubtator", "--out", "pairs.tsv"}},
		{name: "data relations, bioc", args: []string{"data", "relations", "bioc.xml", "--from", "bioc", "--out", "pairs.tsv"}},
		{name: "data relations, ddi2013", args: []string{"data", "relations", "ddi", "--from", "ddi2013", "--out", "pairs.tsv"}},
		{name: "data relations with folds", args: []string{"data", "relations", "marked.tsv", "--from", "tsv", "--folds", "10", "--out", "pairs/"}},
		{name: "data sentences", args: []string{"data", "sentences"}, input: text, says: "the output ends early"},
		{name: "data tokenize", args: []string{"data", "tokenize", "--vocab", start + "/vocab.txt"}, input: text, says: "the output ends early"},
		{name: "data tokenize of a file", args: []string{"data", "tokenize", "--vocab", start + "/vocab.txt", "marked.tsv"}, says: "the output ends early"},
		{name: "data inspect", args: []string{"data", "inspect", "--verify", "shards"}},
		{name: "model inspect", args: []string{"model", "inspect", "model"}},
		{name: "model inspect --against", args: []string{"model", "inspect", "model", "--against", "model"}},
		{name: "model convert", args: []string{"model", "convert", "model", "converted", "--to", "pytorch"}},
		{name: "model encode", args: []string{"model", "encode", "--model", "trained/model", "--out", "states.safetensors", "records.jsonl"}, says: "run the same command again"},
		{name: "score", args: []string{"score", "--task", "ddi", "--gold", "labels.txt", "--pred", "labels.txt"}},
		{name: "compare", args: []string{"compare", "many.tsv", "many.tsv"}},
		{name: "compare --samples", args: []string{"compare", "--samples", "10000000", "few.tsv", "few.tsv"}},
		{name: "report", args: []string{"report", "recorded", "--out", "page.html"}},
		{name: "predict", args: []string{"predict", "tuned/model", "pubtator.txt", "--from", "pubtator", "--out", "predicted.tsv"}},
		{name: "predict a table", args: []string{"predict", "tuned/model", "marked.tsv", "--out", "predicted.tsv"}},
		{name: "attention", args: []string{"attention", "tuned/model", "--layer", "1", "--corpus", "marked.tsv", "--out", "attended"}},
		{name: "finetune", args: []string{"finetune", "corpus.toml"}, says: "run the same command again"},
		{name: "eval", args: []string{"eval", "--model", "trained/model", "--shards", "shards", "--split", "train"}, unmeasured: true}, // it counts the instances before the first batch
		{name: "sweep", args: []string{"sweep", "sweep.toml", "--out", "swept"}, says: "the same command continues", keeps: "^swept", unmeasured: true},
	}
}
