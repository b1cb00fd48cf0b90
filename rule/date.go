package rule

import (
	"fmt"
	"reflect"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"yiwang/city"
)

// dateType is the type of days in expressions.
var dateType = cel.ObjectType("date", traits.ComparerType)

// date is a day as a value of CEL.
type date struct{ city.Date }

// ConvertToNative gives a city.Date and nothing else.
func (d date) ConvertToNative(t reflect.Type) (any, error) {
	if t == reflect.TypeOf(city.Date{}) {
		return d.Date, nil
	}
	return nil, fmt.Errorf("a date can't become a %v", t)
}

// ConvertToType serves string(d) and type(d).
func (d date) ConvertToType(t ref.Type) ref.Val {
	switch t {
	case types.StringType:
		return types.String(d.String())
	case types.TypeType:
		return dateType
	}
	return types.NewErr("a date can't become a %v", t)
}

// Equal holds for the same day only.
func (d date) Equal(other ref.Val) ref.Val {
	o, ok := other.(date)
	return types.Bool(ok && d == o)
}

// Compare orders days.
func (d date) Compare(other ref.Val) ref.Val {
	o, ok := other.(date)
	switch {
	case !ok:
		return types.MaybeNoSuchOverloadErr(other)
	case d.Before(o.Date):
		return types.IntNegOne
	case d == o:
		return types.IntZero
	}
	return types.IntOne
}

func (d date) Type() ref.Type { return dateType }
func (d date) Value() any     { return d.Date }

// The years that a date in a rule may have.
const firstYear, lastYear = 1, 9999

func dateVal(t time.Time) ref.Val {
	if t.Year() < firstYear || t.Year() > lastYear {
		return types.NewErr("a day outside the years %d to %d", firstYear, lastYear)
	}
	return date{city.DateOf(t)}
}

func parseDate(v ref.Val) ref.Val {
	s, ok := v.(types.String)
	if !ok {
		return types.MaybeNoSuchOverloadErr(v)
	}
	d, err := city.ParseDate(string(s))
	if err != nil {
		return types.NewErr("%v", err)
	}
	return dateVal(d.In(time.UTC))
}

// monthsBetween counts full months; negative when b is earlier.
func monthsBetween(a, b city.Date) int64 {
	if b.Before(a) {
		return -monthsBetween(b, a)
	}
	n := int64(b.Year-a.Year)*12 + int64(b.Month) - int64(a.Month)
	if b.Day < a.Day {
		n--
	}
	return n
}

func yearsBetween(a, b city.Date) int64 {
	if b.Before(a) {
		return -int64(city.YearsBetween(b, a))
	}
	return int64(city.YearsBetween(a, b))
}

func daysBetween(a, b city.Date) int64 {
	return int64(b.In(time.UTC).Sub(a.In(time.UTC)) / (24 * time.Hour))
}

// addMonths keeps the day of the month, or takes the last day of a shorter one.
func addMonths(d city.Date, n int64) time.Time {
	first := time.Date(d.Year, d.Month+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(d.Day, last)-1)
}

// dateFunctions declares everything that expressions can do with days.
func dateFunctions() []cel.EnvOption {
	two := func(name string, f func(a, b city.Date) int64) cel.EnvOption {
		return cel.Function(name, cel.Overload(name+"_date_date", []*cel.Type{dateType, dateType}, cel.IntType,
			cel.BinaryBinding(func(a, b ref.Val) ref.Val {
				x, ok1 := a.(date)
				y, ok2 := b.(date)
				if !ok1 || !ok2 {
					return types.MaybeNoSuchOverloadErr(a)
				}
				return types.Int(f(x.Date, y.Date))
			})))
	}
	part := func(name string, f func(city.Date) int) cel.EnvOption {
		return cel.Function(name, cel.Overload(name+"_date", []*cel.Type{dateType}, cel.IntType,
			cel.UnaryBinding(func(a ref.Val) ref.Val {
				x, ok := a.(date)
				if !ok {
					return types.MaybeNoSuchOverloadErr(a)
				}
				return types.Int(f(x.Date))
			})))
	}
	add := func(name string, limit int64, f func(city.Date, int64) time.Time) cel.EnvOption {
		return cel.Function(name, cel.Overload(name+"_date_int", []*cel.Type{dateType, cel.IntType}, dateType,
			cel.BinaryBinding(func(a, b ref.Val) ref.Val {
				x, ok1 := a.(date)
				n, ok2 := b.(types.Int)
				if !ok1 || !ok2 {
					return types.MaybeNoSuchOverloadErr(a)
				}
				if int64(n) > limit || int64(n) < -limit {
					return types.NewErr("%s: %d is too far", name, int64(n))
				}
				return dateVal(f(x.Date, int64(n)))
			})))
	}
	opts := []cel.EnvOption{
		cel.Function("date", cel.Overload("string_to_date", []*cel.Type{cel.StringType}, dateType, cel.UnaryBinding(parseDate))),
		cel.Function("string", cel.Overload("date_to_string", []*cel.Type{dateType}, cel.StringType,
			cel.UnaryBinding(func(v ref.Val) ref.Val { return v.ConvertToType(types.StringType) }))),
		two("years", yearsBetween), two("months", monthsBetween), two("days", daysBetween),
		part("year", func(d city.Date) int { return d.Year }),
		part("month", func(d city.Date) int { return int(d.Month) }),
		part("day", func(d city.Date) int { return d.Day }),
		add("add_years", lastYear, func(d city.Date, n int64) time.Time { return addMonths(d, 12*n) }),
		add("add_months", 12*lastYear, addMonths),
		add("add_days", 366*lastYear, func(d city.Date, n int64) time.Time { return d.In(time.UTC).AddDate(0, 0, int(n)) }),
	}
	for op, id := range map[string]string{"_<_": "less", "_<=_": "less_equals", "_>_": "greater", "_>=_": "greater_equals"} {
		opts = append(opts, cel.Function(op, cel.Overload(id+"_date", []*cel.Type{dateType, dateType}, cel.BoolType)))
	}
	return opts
}
