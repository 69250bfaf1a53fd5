package torchbin

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/subbert/subbert/checkpoints/host"
)

var errStack = errors.New("needs more values than the stack has")

// The values of a pickle, in addition to those of Go's types: nil, bool, int64, float64 and string.
type (
	tuple []any
	list  struct{ values []any }
	dict  struct{ items []item }
	item  struct{ key, value any }

	// storageClass is a class such as torch.FloatStorage.
	storageClass struct{ dtype host.DType }
	// function is a function that a pickle may call.
	function struct {
		name string
		call func(args tuple) (any, error)
	}
)

// nested are the keys under which training programs store a model's weights, beside optimizer state and more.
var nested = []string{"state_dict", "model_state_dict", "model", "module", "net", "network", "weights", "model_state", "state"}

// weights is the dictionary of tensors in d: d itself, or one that a training program stored in it. Two are an error;
// the result is nil if there is none. Dictionaries in seen are skipped, because a dictionary may contain itself.
func (d *dict) weights(seen map[*dict]bool) (*dict, error) {
	seen[d] = true
	if d.holdsTensors() {
		return d, nil
	}
	var found *dict
	var under []string
	for _, item := range d.items {
		name, _ := item.key.(string)
		inner, ok := item.value.(*dict)
		if !ok || !slices.Contains(nested, name) || seen[inner] {
			continue
		}
		w, err := inner.weights(seen)
		if err != nil {
			return nil, err
		}
		if w != nil {
			found, under = w, append(under, name)
		}
	}
	if len(under) > 1 {
		return nil, fmt.Errorf("has weights under %q and %q; save only the ones to use", under[0], under[1])
	}
	return found, nil
}

func (d *dict) holdsTensors() bool {
	return slices.ContainsFunc(d.items, func(i item) bool { _, ok := i.value.(*tensor); return ok })
}

// describe names the kind of a value in messages.
func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		return "a boolean"
	case int64, float64:
		return "a number"
	case string:
		return "a text"
	case tuple:
		return "a tuple"
	case *list:
		return "a list"
	case *dict:
		return "a dictionary"
	case *tensor:
		return "a tensor"
	case *storage:
		return "a storage"
	case function:
		return v.name
	}
	return "a class"
}

// importable returns the meaning of a name that a pickle imports; other names are errors.
func importable(name string) (any, error) {
	classes := map[string]host.DType{
		"Float": host.F32, "Double": host.F64, "Half": host.F16, "BFloat16": host.BF16, "Long": host.I64, "Int": host.I32,
		"Short": host.I16, "Char": host.I8, "Byte": host.U8, "Bool": host.Bool,
	}
	for class, dtype := range classes {
		if name == "torch."+class+"Storage" {
			return storageClass{dtype}, nil
		}
	}
	functions := map[string]func(tuple) (any, error){
		"collections.OrderedDict":         newDict,
		"torch._utils._rebuild_tensor":    newTensor,
		"torch._utils._rebuild_tensor_v2": newTensor,
		"torch._utils._rebuild_parameter": unwrapParameter,
	}
	if call, ok := functions[name]; ok {
		return function{name, call}, nil
	}
	if strings.ContainsFunc(name, unicode.IsControl) {
		name = fmt.Sprintf("%.200q", name)
	}
	return nil, fmt.Errorf("imports %.200s, which is not allowed in a file of weights", name)
}

// newDict is OrderedDict() or OrderedDict([[key, value], ...]).
func newDict(args tuple) (any, error) {
	d := &dict{}
	if len(args) == 0 {
		return d, nil
	}
	pairs, ok := args[0].(*list)
	if !ok || len(args) > 1 {
		return nil, errors.New("OrderedDict: want nothing or a list of pairs")
	}
	for _, p := range pairs.values {
		var pair []any
		switch p := p.(type) {
		case *list:
			pair = p.values
		case tuple:
			pair = p
		}
		if len(pair) != 2 {
			return nil, errors.New("OrderedDict: want a list of pairs")
		}
		d.items = append(d.items, item{pair[0], pair[1]})
	}
	return d, nil
}

// newTensor takes (storage, offset, shape, strides, ...); what may follow concerns gradients.
func newTensor(args tuple) (any, error) {
	if len(args) < 4 {
		return nil, fmt.Errorf("tensor: %d arguments, want at least 4", len(args))
	}
	s, isStorage := args[0].(*storage)
	offset, isInt := args[1].(int64)
	shape, errShape := integers(args[2])
	strides, errStrides := integers(args[3])
	switch {
	case !isStorage:
		return nil, fmt.Errorf("tensor: its storage is %s", describe(args[0]))
	case !isInt || offset < 0:
		return nil, errors.New("tensor: its offset is not a number of elements")
	case errShape != nil || errStrides != nil:
		return nil, fmt.Errorf("tensor: shape or strides: %w", errors.Join(errShape, errStrides))
	case len(shape) != len(strides):
		return nil, fmt.Errorf("tensor: %d axes, %d strides", len(shape), len(strides))
	}
	t := &tensor{storage: s, offset: offset, strides: strides, info: host.Info{DType: s.dtype, Shape: make([]int, len(shape))}}
	for i, d := range shape {
		t.info.Shape[i] = int(d)
	}
	return t, nil
}

// integers reads a tuple of up to host.MaxRank integers from 0.
func integers(v any) ([]int64, error) {
	values, ok := v.(tuple)
	if !ok || len(values) > host.MaxRank {
		return nil, fmt.Errorf("%s, want a tuple of at most %d", describe(v), host.MaxRank)
	}
	out := make([]int64, len(values))
	for i, v := range values {
		n, ok := v.(int64)
		if !ok || n < 0 {
			return nil, errors.New("want integers of at least 0")
		}
		out[i] = n
	}
	return out, nil
}

// unwrapParameter takes (tensor, requires_grad, hooks) and returns the tensor.
func unwrapParameter(args tuple) (any, error) {
	if len(args) > 0 {
		if t, ok := args[0].(*tensor); ok {
			return t, nil
		}
	}
	return nil, errors.New("parameter: want a tensor")
}

// newStorage makes the storage of a persistent id: ("storage", class, key, place, elements[, view]).
func newStorage(id any) (*storage, error) {
	args, ok := id.(tuple)
	if !ok || len(args) < 5 || len(args) > 6 || args[0] != any("storage") {
		return nil, errors.New("a persistent id does not name a storage")
	}
	class, isClass := args[1].(storageClass)
	key, isText := args[2].(string)
	elements, isInt := args[4].(int64)
	if !isClass || !isText || !isInt || elements < 0 {
		return nil, errors.New("storage: want a class, a key and a number of elements")
	}
	if len(args) == 6 && args[5] != nil {
		return nil, errors.New("storage: is a view of another; torch no longer writes such views")
	}
	if elements > maxElements {
		return nil, fmt.Errorf("storage %q: %d elements", key, elements)
	}
	return &storage{key: key, dtype: class.dtype, elements: elements}, nil
}

// storage pushes the storage of a persistent id. Ids with the same key must agree.
func (m *machine) storage(id any) error {
	s, err := newStorage(id)
	if err != nil {
		return err
	}
	if old := m.storages[s.key]; old != nil && *old != *s {
		return fmt.Errorf("storage %q: %d elements of %v here, %d of %v before", s.key, s.elements, s.dtype, old.elements, old.dtype)
	}
	m.storages[s.key] = s
	m.push(s)
	return nil
}

// maxElements keeps sizes in bytes within an int64; the file's size is the bound that matters.
const maxElements = 1 << 48

// build executes the operations that build values from values.
func (m *machine) build(op byte) error {
	switch op {
	case opTuple, opTuple1, opTuple2, opTuple3:
		return m.tuple(op)
	case opAppend, opAppends:
		return m.append(op == opAppends)
	case opSetItem, opSetItems:
		return m.setItems(op == opSetItems)
	case opReduce:
		return m.call()
	case opBuild:
		return m.attributes()
	case opStackGlobal:
		return m.stackGlobal()
	case opBinPersID:
		v, err := m.pop(1)
		if err != nil {
			return err
		}
		return m.storage(v[0])
	}
	return fmt.Errorf("opcode %s is not allowed in a file of weights", refused(op))
}

// pop takes the top n values, none of them below the last mark.
func (m *machine) pop(n int) ([]any, error) {
	bottom := 0
	if len(m.marks) > 0 {
		bottom = m.marks[len(m.marks)-1]
	}
	at := len(m.stack) - n
	if at < bottom {
		return nil, errStack
	}
	values := append([]any(nil), m.stack[at:]...)
	m.stack = m.stack[:at]
	return values, nil
}

// popMark takes all values above the last mark, and the mark.
func (m *machine) popMark() ([]any, error) {
	if len(m.marks) == 0 {
		return nil, errors.New("no mark on the stack")
	}
	values, err := m.pop(len(m.stack) - m.marks[len(m.marks)-1])
	m.marks = m.marks[:len(m.marks)-1]
	return values, err
}

// operands takes the given number of values, or, if many, all above the mark.
func (m *machine) operands(many bool, one int) ([]any, error) {
	if many {
		return m.popMark()
	}
	return m.pop(one)
}

func (m *machine) tuple(op byte) error {
	values, err := m.operands(op == opTuple, int(op)-opTuple1+1)
	if err == nil {
		m.push(tuple(values))
	}
	return err
}

func (m *machine) append(many bool) error {
	values, err := m.operands(many, 1)
	if err != nil {
		return err
	}
	l, ok := m.top().(*list)
	if !ok {
		return fmt.Errorf("appends to %s", describe(m.top()))
	}
	l.values = append(l.values, values...)
	return nil
}

func (m *machine) setItems(many bool) error {
	values, err := m.operands(many, 2)
	if err != nil {
		return err
	}
	d, ok := m.top().(*dict)
	if !ok || len(values)%2 != 0 {
		return fmt.Errorf("sets %d keys and values in %s", len(values), describe(m.top()))
	}
	for i := 0; i < len(values); i += 2 {
		d.items = append(d.items, item{values[i], values[i+1]})
	}
	return nil
}

// call applies one of our functions; nothing else can be called.
func (m *machine) call() error {
	values, err := m.pop(2)
	if err != nil {
		return err
	}
	f, ok := values[0].(function)
	args, isTuple := values[1].(tuple)
	if !ok || !isTuple {
		return fmt.Errorf("calls %s with %s: refused", describe(values[0]), describe(values[1]))
	}
	if len(args) > 0 {
		if l, isList := args[0].(*list); isList { // the call copies it, and a pickle may recall a list many times
			if err := m.count(len(l.values)); err != nil {
				return err
			}
		}
	}
	v, err := f.call(args)
	m.push(v)
	return err
}

// attributes drops the attributes of a dictionary: the versions of its modules.
func (m *machine) attributes() error {
	if _, err := m.pop(1); err != nil {
		return err
	}
	if _, ok := m.top().(*dict); !ok {
		return fmt.Errorf("sets attributes of %s: refused", describe(m.top()))
	}
	return nil
}

func (m *machine) stackGlobal() error {
	values, err := m.pop(2)
	if err != nil {
		return err
	}
	module, isText := values[0].(string)
	name, isName := values[1].(string)
	if !isText || !isName {
		return errors.New("imports an object without a name")
	}
	v, err := importable(module + "." + name)
	m.push(v)
	return err
}

// top is the top value, nil if there is none.
func (m *machine) top() any {
	if len(m.stack) == 0 {
		return nil
	}
	return m.stack[len(m.stack)-1]
}
