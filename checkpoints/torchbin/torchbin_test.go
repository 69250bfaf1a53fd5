package torchbin_test

import (
	"archive/zip"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/checkpoints/host"
	"github.com/subbert/subbert/checkpoints/safetensors"
	"github.com/subbert/subbert/checkpoints/torchbin"
)

const fixtures = "../testdata"

func decode(data []byte) (*torchbin.File, error) {
	return torchbin.New(bytes.NewReader(data), int64(len(data)), "file")
}

func readFile(t testing.TB, path ...string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(append([]string{fixtures}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// byName reads everything in c.
func byName(t testing.TB, c host.Container) map[string]host.Tensor {
	t.Helper()
	all := make(map[string]host.Tensor)
	for _, info := range c.Tensors() {
		tensor, err := host.ReadTensor(c, info)
		if err != nil {
			t.Fatal(err)
		}
		all[info.Name] = tensor
	}
	return all
}

// TestOdd reads views of every layout and numbers of every type, as torch 2.8 saved them.
func TestOdd(t *testing.T) {
	var expected map[string]struct {
		DType, Hex string
		Shape      []int
	}
	if err := json.Unmarshal(readFile(t, "odd", "expected.json"), &expected); err != nil {
		t.Fatal(err)
	}
	want := make(map[string]host.Tensor)
	for name, e := range expected {
		dtype, err := host.ParseDType(e.DType)
		if err != nil {
			t.Fatal(err)
		}
		data, err := hex.DecodeString(e.Hex)
		if err != nil {
			t.Fatal(err)
		}
		want[name] = host.Tensor{Name: name, DType: dtype, Shape: e.Shape, Data: data}
	}
	for _, form := range []string{"zip.bin", "legacy.bin", "nested.bin"} {
		t.Run(form, func(t *testing.T) {
			f, err := torchbin.Open(filepath.Join(fixtures, "odd", form))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if diff := cmp.Diff(want, byName(t, f)); diff != "" {
				t.Errorf("tensors differ (-want +got):\n%s", diff)
			}
		})
	}
}

// TestHalves compares F16 and BF16 with the same weights in safetensors.
func TestHalves(t *testing.T) {
	for _, name := range []string{"f16", "bf16"} {
		t.Run(name, func(t *testing.T) {
			want, err := safetensors.Open(filepath.Join(fixtures, name, "model.safetensors"))
			if err != nil {
				t.Fatal(err)
			}
			defer want.Close()
			got, err := torchbin.Open(filepath.Join(fixtures, name, "weights.bin"))
			if err != nil {
				t.Fatal(err)
			}
			defer got.Close()
			if diff := cmp.Diff(byName(t, want), byName(t, got)); diff != "" {
				t.Errorf("tensors differ (-safetensors +torch):\n%s", diff)
			}
		})
	}
}

func TestRoundTrip(t *testing.T) {
	f, err := decode(readFile(t, "odd", "zip.bin"))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := torchbin.Write(&b, f); err != nil {
		t.Fatal(err)
	}
	again, err := decode(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(byName(t, f), byName(t, again)); diff != "" {
		t.Errorf("tensors differ (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(f.Tensors(), again.Tensors()); diff != "" {
		t.Errorf("order differs (-want +got):\n%s", diff)
	}
	var twice bytes.Buffer
	if err := torchbin.Write(&twice, again); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), twice.Bytes()) {
		t.Error("equal contents give different bytes")
	}
	z, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range z.File {
		if at, err := f.DataOffset(); err != nil || at%64 != 0 {
			t.Errorf("%s begins at byte %d, want a multiple of 64 (error %v)", f.Name, at, err)
		}
	}
}

func TestSkipped(t *testing.T) {
	data := archive(t, dictionary(tensorOf("1"), key("steps")+"K\x05", key("nothing")+"N"), storage)
	f, err := decode(data)
	if err != nil {
		t.Fatal(err)
	}
	want := []host.Skipped{{Name: "steps", Why: "a number, not a tensor"}, {Name: "nothing", Why: "None, not a tensor"}}
	if diff := cmp.Diff(want, f.Skipped()); diff != "" {
		t.Errorf("skipped (-want +got):\n%s", diff)
	}
}

// Pieces of pickles.
const (
	storage   = "\x00\x00\x80\x3f\x00\x00\x00\x40" // 1 and 2 as F32
	storageID = "(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x02tQ"
	hooks     = "\x89ccollections\nOrderedDict\n)R"
	rebuild   = "ctorch._utils\n_rebuild_tensor_v2\n"
)

func key(name string) string {
	return fmt.Sprintf("X%c\x00\x00\x00%s", len(name), name)
}

// tensorOf is an entry of the dictionary: a vector of two elements.
func tensorOf(name string) string { return key(name) + view("K\x00", "K\x02", "K\x01") }

// view is a vector with that offset, size and stride of the storage of two.
func view(offset, size, stride string) string {
	return rebuild + "(" + storageID + offset + size + "\x85" + stride + "\x85" + hooks + "tR"
}

func dictionary(items ...string) string { return "\x80\x02}(" + strings.Join(items, "") + "u." }

// archive puts a pickle and a storage into a zip as torch does.
func archive(t testing.TB, pickle, storage string) []byte {
	t.Helper()
	return zipped(t, zip.Store, map[string]string{"archive/data.pkl": pickle, "archive/data/0": storage})
}

func zipped(t testing.TB, method uint16, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, content := range files {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: method})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// plain puts a pickle and a storage together in the old form.
func plain(pickle, storage string) []byte {
	return []byte("\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19." + "\x80\x02M\xe9\x03." +
		"\x80\x02}(" + key("little_endian") + "\x88u." + pickle + "\x80\x02](" + key("0") + "e." +
		"\x02\x00\x00\x00\x00\x00\x00\x00" + storage)
}

func TestHandMade(t *testing.T) {
	for name, data := range map[string][]byte{
		"zip": archive(t, dictionary(tensorOf("w")), storage), "plain": plain(dictionary(tensorOf("w")), storage),
	} {
		t.Run(name, func(t *testing.T) {
			f, err := decode(data)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]float32{1, 2}, byName(t, f)["w"].Float32s()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestMalicious holds that pickles which call anything are refused by name, in both forms.
func TestMalicious(t *testing.T) {
	for _, c := range []struct {
		name, pickle, want string
	}{
		{"os.system", "\x80\x02cos\nsystem\nX\x02\x00\x00\x00id\x85R.", "imports os.system"},
		{"posix.system", "\x80\x02cposix\nsystem\nX\x02\x00\x00\x00id\x85R.", "imports posix.system"},
		{"builtins.eval", "\x80\x02cbuiltins\neval\nX\x01\x00\x00\x001\x85R.", "imports builtins.eval"},
		{"by STACK_GLOBAL", "\x80\x04\x8c\x08builtins\x8c\x04exec\x93\x8c\x011\x85R.", "imports builtins.exec"},
		{"among the tensors", dictionary(tensorOf("w"), key("x")+"csubprocess\nPopen\n("+key("id")+"tR"), "imports subprocess.Popen"},
		{"nested in a tensor", dictionary(key("w") + rebuild + "(cos\nsystem\nX\x02\x00\x00\x00id\x85RtR"), "imports os.system"},
		{"torch's own loader", "\x80\x02ctorch\nload\n" + key("a") + "\x85R.", "imports torch.load"},
		{"torch._utils beyond the list", "\x80\x02ctorch._utils\n_import_dotted_name\n" + key("os") + "\x85R.", "_import_dotted_name"},
		{"dotted name", "\x80\x02ccollections\nOrderedDict.update\n)R.", "imports collections.OrderedDict.update"},
		{"INST", "\x80\x02(" + key("id") + "ios\nsystem\n.", "opcode INST"},
		{"OBJ", "\x80\x02(ccollections\nOrderedDict\no.", "opcode OBJ"},
		{"NEWOBJ", "\x80\x02ccollections\nOrderedDict\n)\x81.", "opcode NEWOBJ"},
		{"EXT1", "\x80\x02\x82\x01.", "opcode EXT1"},
		{"unknown opcode", "\x80\x02\xff.", "opcode 0xff"},
		{"calls a text", "\x80\x02" + key("os.system") + ")R.", "calls a text"},
		{"calls what was built", "\x80\x02ccollections\nOrderedDict\n)R)R.", "calls a dictionary"},
		{"calls a class", "\x80\x02ctorch\nFloatStorage\n)R.", "calls a class"},
		{"attributes of a function", "\x80\x02ccollections\nOrderedDict\n}b.", "sets attributes"},
		{"another persistent id", "\x80\x02" + key("module") + "Q.", "persistent id"},
	} {
		for form, data := range map[string][]byte{"zip": archive(t, c.pickle, storage), "plain": plain(c.pickle, storage)} {
			t.Run(c.name+"/"+form, func(t *testing.T) {
				_, err := decode(data)
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("error %v, want one about %q", err, c.want)
				}
			})
		}
	}
}

func TestRefused(t *testing.T) {
	one := func(offset, size, stride string) string { return dictionary(key("w") + view(offset, size, stride)) }
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "another kind of file"},
		{"safetensors", []byte("\x10\x00\x00\x00\x00\x00\x00\x00{}"), "another kind of file"},
		{"a pickle of another kind", []byte("\x80\x04\x95\x01\x00\x00\x00\x00\x00\x00\x00N."), "torch.save did not write"},
		{"zip without a pickle", zipped(t, zip.Store, map[string]string{"a/b": ""}), "0 data.pkl"},
		{"two pickles", zipped(t, zip.Store, map[string]string{"a/data.pkl": "", "b/data.pkl": ""}), "2 data.pkl"},
		{"big endian", zipped(t, zip.Store, map[string]string{"a/data.pkl": "", "a/byteorder": "big"}), `"big", want little`},
		{"compressed", zipped(t, zip.Deflate, map[string]string{"a/data.pkl": "N."}), "is compressed"},
		{"truncated pickle", archive(t, "\x80\x02}(", storage), "truncated"},
		{"pickle goes on", archive(t, dictionary()+"N", storage), "1 bytes follow"},
		{"no dictionary", archive(t, "\x80\x02K\x05.", storage), "has a number"},
		{"no tensors", archive(t, dictionary(key("a")+"K\x05"), storage), "no tensor"},
		{"storage missing", zipped(t, zip.Store, map[string]string{"a/data.pkl": dictionary(tensorOf("w"))}), "not in the archive"},
		{"storage too short", archive(t, dictionary(tensorOf("w")), storage[:7]), "has 7 bytes, want 8"},
		{"beyond the storage", archive(t, one("K\x01", "K\x02", "K\x01"), storage), "reach beyond"},
		{"offset beyond", archive(t, one("K\x02", "K\x01", "K\x01"), storage), "reach beyond"},
		{"stride beyond", archive(t, one("K\x00", "K\x02", "K\x02"), storage), "reach beyond"},
		{"stride that overflows", archive(t, one("K\x00", "K\x03", "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f"), storage), "reach beyond"},
		{"repeats without end", archive(t, one("K\x00", "J\xff\xff\xff\x7f", "K\x00"), storage), "in a file of"},
		{"negative size", archive(t, one("K\x00", "J\xff\xff\xff\xff", "K\x01"), storage), "integers of at least 0"},
		{"negative offset", archive(t, one("J\xff\xff\xff\xff", "K\x01", "K\x01"), storage), "offset"},
		{"same name twice", archive(t, dictionary(tensorOf("w"), tensorOf("w")), storage), "twice"},
		{"old form, truncated", plain(dictionary(tensorOf("w")), storage[:6]), "truncated"},
		{"old form, more", plain(dictionary(tensorOf("w")), storage+"x"), "1 bytes follow"},
		{"stack runs out", archive(t, "\x80\x02\x87.", storage), "more values than the stack has"},
		{"below the mark", archive(t, "\x80\x02NN(\x86.", storage), "more values than the stack has"},
		{"memo that is not there", archive(t, "\x80\x02h\x07.", storage), "before it is stored"},
		{"text longer than the file", archive(t, "\x80\x02X\xff\xff\xff\xffa.", storage), "truncated"},
		{"protocol 0", archive(t, "\x80\x00N.", storage), "protocol 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := decode(c.data)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one about %q", err, c.want)
			}
		})
	}
}

// TestBitFlips flips every bit of a storage, a pickle and the archive's directory: no tensor is read with other values.
func TestBitFlips(t *testing.T) {
	good := archive(t, dictionary(tensorOf("w")), storage)
	f, err := decode(good)
	if err != nil {
		t.Fatal(err)
	}
	want := byName(t, f)["w"]
	for bit := range 8 * len(good) {
		data := bytes.Clone(good)
		data[bit/8] ^= 1 << (bit % 8)
		f, err := decode(data)
		if err != nil {
			continue
		}
		for _, info := range f.Tensors() {
			got, err := host.ReadTensor(f, info)
			if err != nil {
				continue
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("bit %d of byte %d flipped (-want +got):\n%s", bit%8, bit/8, diff)
			}
		}
	}
}

func TestTruncated(t *testing.T) {
	for _, form := range []string{"zip.bin", "legacy.bin"} {
		data := readFile(t, "odd", form)
		for n := range len(data) {
			if _, err := decode(data[:n]); err == nil {
				t.Fatalf("%s cut to %d of %d bytes was read", form, n, len(data))
			}
		}
	}
}

// TestOverlap makes two files of an archive share their bytes, as zip bombs do.
func TestOverlap(t *testing.T) {
	data := zipped(t, zip.Store, map[string]string{"a/data/0": "12345678"})
	// The directory's entry, copied: name and place are the same but for one letter of the name.
	at := bytes.Index(data, []byte("PK\x01\x02"))
	end := bytes.Index(data, []byte("PK\x05\x06"))
	entry := bytes.Clone(data[at:end])
	twin := bytes.Replace(entry, []byte("data/0"), []byte("data/1"), 1)
	tail := bytes.Clone(data[end:])
	tail[8], tail[10] = 2, 2        // entries
	tail[12] = byte(len(entry) * 2) // bytes of the directory
	bomb := append(append(bytes.Clone(data[:end]), twin...), tail...)
	if _, err := decode(bomb); err == nil || !strings.Contains(err.Error(), "overlap") {
		t.Errorf("error %v, want one about overlap", err)
	}
}

// FuzzNew holds that nothing in a file makes the reader panic or read beyond it.
func FuzzNew(f *testing.F) {
	for _, name := range []string{"zip.bin", "legacy.bin", "nested.bin"} {
		f.Add(readFile(f, "odd", name))
	}
	f.Add(archive(f, dictionary(tensorOf("w")), storage))
	f.Add(plain(dictionary(tensorOf("w")), storage))
	f.Fuzz(func(t *testing.T, data []byte) {
		checkRead(t, data)
	})
}

// FuzzPickle fuzzes the pickle alone, around which the archive is whole.
func FuzzPickle(f *testing.F) {
	f.Add([]byte(dictionary(tensorOf("w"))))
	f.Add([]byte(dictionary(key("w") + view("K\x01", "K\x01", "K\x00"))))
	f.Add([]byte("\x80\x02cos\nsystem\nX\x02\x00\x00\x00id\x85R."))
	f.Add([]byte("\x80\x02ccollections\nOrderedDict\n](](" + tensorOf("w") + "ee\x85R}b."))
	f.Add([]byte("\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00}\x94\x8c\x01a\x94h\x00s."))
	f.Fuzz(func(t *testing.T, pickle []byte) {
		checkRead(t, plain(string(pickle), storage))
	})
}

func checkRead(t *testing.T, data []byte) {
	f, err := decode(data)
	if err != nil {
		return
	}
	for _, info := range f.Tensors() {
		if info.Bytes() > len(data) {
			t.Fatalf("%s has %d bytes in a file of %d", info.Name, info.Bytes(), len(data))
		}
		if err := f.Read(info.Name, make([]byte, info.Bytes())); err != nil && !strings.Contains(err.Error(), "checksum") {
			t.Fatalf("a tensor that was accepted cannot be read: %v", err)
		}
	}
}

// within is a dictionary that has items under a key.
func within(name string, items ...string) string {
	return key(name) + "}(" + strings.Join(items, "") + "u"
}

// TestNested finds the weights that training programs put beside other things.
func TestNested(t *testing.T) {
	epoch := key("epoch") + "K\x05"
	optimizer := within("optimizer", within("state", key("0")+view("K\x00", "K\x02", "K\x01")))
	for _, c := range []struct {
		name, pickle, refused string
	}{
		{"themselves", dictionary(tensorOf("w"), epoch), ""},
		{"state_dict", dictionary(within("state_dict", tensorOf("w")), epoch), ""},
		{"NVIDIA's", dictionary(within("model", tensorOf("w")), optimizer, epoch), ""},
		{"module", dictionary(within("module", tensorOf("w")), epoch), ""},
		{"net", dictionary(epoch, within("net", tensorOf("w"))), ""},
		{"weights", dictionary(within("weights", tensorOf("w"))), ""},
		{"model_state_dict", dictionary(optimizer, within("model_state_dict", tensorOf("w"))), ""},
		{"deep", dictionary(within("state", within("model", within("module", tensorOf("w"))))), ""},
		{"an empty one beside", dictionary(within("model", epoch), within("state_dict", tensorOf("w"))), ""},
		{"two", dictionary(within("model", tensorOf("w")), within("state_dict", tensorOf("w"))), `has weights under "model" and "state_dict"`},
		{"an optimizer's state alone", dictionary(optimizer), `no tensors, but 1 other values, such as "optimizer"`},
		{"a dictionary that holds itself", "\x80\x02}q\x00(" + key("model") + "h\x00u.", "no tensors, but 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := decode(archive(t, c.pickle, storage))
			if c.refused != "" {
				if err == nil || !strings.Contains(err.Error(), c.refused) {
					t.Errorf("error %v, want one about %q", err, c.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := f.Tensors(); len(got) != 1 || got[0].Name != "w" {
				t.Errorf("tensors %v, want w alone", got)
			}
		})
	}
}
