package rule

import (
	"encoding/json"
	"fmt"
	"math"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"yiwang/city"
)

// Type is the type of a fact or variable.
type Type string

const (
	Bool   Type = "bool"
	String Type = "string"
	Int    Type = "int" // also money, in fen
	Double Type = "double"
	Date   Type = "date"
	List   Type = "list" // of strings
	Map    Type = "map"  // of strings to strings: a person, an address
)

// Types are all types of facts and variables.
var Types = []Type{Bool, String, Int, Double, Date, List, Map}

var celTypes = map[Type]*cel.Type{
	Bool: cel.BoolType, String: cel.StringType, Int: cel.IntType, Double: cel.DoubleType, Date: dateType,
	List: cel.ListType(cel.StringType), Map: cel.MapType(cel.StringType, cel.StringType),
}

// Valid reports whether there is such a type.
func (t Type) Valid() bool { return celTypes[t] != nil }

// typeOf finds the Type of what an expression gives.
func typeOf(c *cel.Type) (Type, bool) {
	for _, t := range Types {
		if celTypes[t].IsExactType(c) {
			return t, true
		}
	}
	return "", false
}

// Normal gives the value in the Go type that stands for t (bool, string, int64,
// float64, city.Date, []string, map[string]string), from the forms in which it
// may come back from JSON, YAML or a form: a date as "2006-01-02" or a time, a
// whole number as a float. What is of another type is an error; nothing is
// guessed (the string "1" is no number).
func (t Type) Normal(v any) (any, error) {
	switch t {
	case Bool:
		if b, ok := v.(bool); ok {
			return b, nil
		}
	case String:
		if s, ok := v.(string); ok {
			return s, nil
		}
	case Int:
		return normalInt(v)
	case Double:
		switch n := v.(type) {
		case float64:
			if !math.IsNaN(n) && !math.IsInf(n, 0) {
				return n, nil
			}
		case float32:
			return t.Normal(float64(n))
		case json.Number:
			if f, err := n.Float64(); err == nil {
				return t.Normal(f)
			}
		default:
			if i, err := normalInt(v); err == nil {
				return float64(i.(int64)), nil
			}
		}
	case Date:
		switch d := v.(type) {
		case city.Date:
			if d.Year >= firstYear && d.Year <= lastYear && city.DateOf(d.In(time.UTC)) == d {
				return d, nil
			}
		case string:
			p, err := city.ParseDate(d)
			if err != nil {
				return nil, err
			}
			return t.Normal(p)
		case time.Time:
			return t.Normal(city.DateOf(d))
		}
	case List:
		return normalList(v)
	case Map:
		return normalMap(v)
	}
	return nil, fmt.Errorf("%T is no %s", v, t)
}

func normalInt(v any) (any, error) {
	switch n := v.(type) {
	case int:
		return int64(n), nil
	case int64:
		return n, nil
	case int32:
		return int64(n), nil
	case uint64:
		if n <= math.MaxInt64 {
			return int64(n), nil
		}
	case float64:
		if n == math.Trunc(n) && math.Abs(n) <= 1<<53 {
			return int64(n), nil
		}
	case json.Number:
		if i, err := n.Int64(); err == nil {
			return i, nil
		}
	}
	return nil, fmt.Errorf("%T is no %s", v, Int)
}

func normalList(v any) (any, error) {
	switch l := v.(type) {
	case []string:
		return l, nil
	case []any:
		out := make([]string, len(l))
		for i, e := range l {
			s, ok := e.(string)
			if !ok {
				return nil, fmt.Errorf("a list with a %T in it is no %s", e, List)
			}
			out[i] = s
		}
		return out, nil
	}
	return nil, fmt.Errorf("%T is no %s", v, List)
}

func normalMap(v any) (any, error) {
	switch m := v.(type) {
	case map[string]string:
		return m, nil
	case map[string]any:
		out := make(map[string]string, len(m))
		for k, e := range m {
			s, ok := e.(string)
			if !ok {
				return nil, fmt.Errorf("a map with a %T in it is no %s", e, Map)
			}
			out[k] = s
		}
		return out, nil
	}
	return nil, fmt.Errorf("%T is no %s", v, Map)
}

// value makes a value of CEL from v.
func (t Type) value(v any) (ref.Val, error) {
	n, err := t.Normal(v)
	if err != nil {
		return nil, err
	}
	switch n := n.(type) {
	case bool:
		return types.Bool(n), nil
	case string:
		return types.String(n), nil
	case int64:
		return types.Int(n), nil
	case float64:
		return types.Double(n), nil
	case city.Date:
		return date{n}, nil
	case []string:
		return types.NewStringList(types.DefaultTypeAdapter, n), nil
	}
	return types.NewStringStringMap(types.DefaultTypeAdapter, n.(map[string]string)), nil
}

// native is the reverse of value: the Go type that stands for t.
func (t Type) native(v ref.Val) (any, error) {
	switch t {
	case Bool, String, Int, Double, Date:
		return v.Value(), nil
	case List:
		return v.ConvertToNative(stringList)
	}
	return v.ConvertToNative(stringMap)
}
