package configs

import (
	"math"
	"reflect"
	"strings"
	"testing"
)

// full gives v one element in every list and table that holds numbers, so that eachNumber visits every key.
func full(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				full(v.Field(i))
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		full(v.Index(0))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("x"), reflect.Zero(v.Type().Elem()))
	}
}

// TestEveryNumberHasARange: each number of each config has a range, numbers beyond it are refused by their key, and no range is
// left over.
func TestEveryNumberHasARange(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range []config{&Pretraining{}, &Relation{}, &Probing{}} {
		full(reflect.ValueOf(c).Elem())
		eachNumber("", reflect.ValueOf(c).Elem(), func(key string, n reflect.Value) {
			seen[key] = true
			bound, ok := most()[key]
			if !ok {
				t.Errorf("%s has no range", key)
				return
			}
			if !n.CanSet() { // in a table of numbers
				return
			}
			before := reflect.ValueOf(n.Interface())
			var beyond []any
			switch {
			case n.CanFloat():
				beyond = []any{math.NaN(), math.Inf(1), math.Inf(-1), 1e300, bound * 1.01}
			case n.CanInt():
				beyond = []any{math.MaxInt64, math.MinInt64, 1 << 40, int(bound) + 1}
			}
			for _, x := range beyond {
				n.Set(reflect.ValueOf(x).Convert(n.Type()))
				if err := c.Validate(); err == nil || !strings.Contains(err.Error(), key+" = ") {
					t.Errorf("%s = %v: got %v", key, x, err)
				}
			}
			n.Set(before)
		})
	}
	for key := range most() {
		if !seen[key] {
			t.Errorf("%s has a range and is in no config", key)
		}
	}
}
