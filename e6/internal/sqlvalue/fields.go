package sqlvalue

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// field is a field of a struct that a column can go into.
type field struct {
	// name is the Go name, and index leads to it through embedded structs.
	name  string
	index []int
	// column is the name of its column: that of its tag, or the snake_case of its own.
	column string
	// tag is the name in the tag, empty if there is none.
	tag string
	// optional fields need no column.
	optional bool
}

// in returns the field of a struct. It allocates the embedded structs on the way that are
// nil pointers.
func (f *field) in(v reflect.Value) reflect.Value {
	if len(f.index) == 1 {
		return v.Field(f.index[0])
	}
	for i, n := range f.index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(n)
	}
	return v
}

// fieldsOf returns the fields of a struct and of the structs that it embeds. A field hides
// the fields of the same column in deeper embedded structs. Embedded structs with a name in
// their tag, and those that are values such as sql.NullInt64, are fields themselves.
func fieldsOf(typ reflect.Type) ([]field, error) {
	w := walker{root: typ}
	if err := w.walk(typ, nil, false); err != nil {
		return nil, err
	}
	hidden := func(f field) bool {
		return slices.ContainsFunc(w.fields, func(other field) bool {
			return len(other.index) < len(f.index) && strings.EqualFold(other.column, f.column)
		})
	}
	return slices.DeleteFunc(slices.Clone(w.fields), hidden), nil
}

// walker collects the fields of a struct.
type walker struct {
	root   reflect.Type
	path   []reflect.Type // the structs that are being walked
	fields []field
}

func (w *walker) walk(typ reflect.Type, index []int, optional bool) error {
	if slices.Contains(w.path, typ) {
		return nil // it embeds itself: its fields are there already
	}
	w.path = append(w.path, typ)
	defer func() { w.path = w.path[:len(w.path)-1] }()
	for i := range typ.NumField() {
		sf := typ.Field(i)
		at := append(slices.Clone(index), i)
		tag, err := w.tagOf(sf)
		if err != nil {
			return err
		}
		if tag.skip {
			continue
		}
		if inner := embedded(sf); inner != nil && tag.name == "" {
			if sf.Type.Kind() == reflect.Pointer && !sf.IsExported() {
				return w.problem(sf, "is an embedded pointer to a struct that is not exported, which cannot be set: embed the struct itself, or tag it `e6:\"-\"`")
			}
			if err := w.walk(inner, at, optional || tag.optional); err != nil {
				return err
			}
			continue
		}
		if !sf.IsExported() {
			if tag.name != "" || tag.optional {
				return w.problem(sf, "has a tag and is not exported, so that it cannot be set: export it, or remove the tag")
			}
			continue
		}
		column := tag.name
		if column == "" {
			column = snakeCase(sf.Name)
		}
		w.fields = append(w.fields, field{name: sf.Name, index: at, column: column, tag: tag.name, optional: optional || tag.optional})
	}
	return nil
}

// problem is the error of a field that is declared wrongly.
func (w *walker) problem(sf reflect.StructField, problem string) error {
	return &MappingError{Type: w.root.String(), Field: sf.Name, Problem: fmt.Sprintf("field %s of %s %s", sf.Name, typeName(w.root), problem)}
}

// embedded returns the struct that a field embeds, directly or by a pointer, and nil if it
// embeds none whose fields count.
func embedded(sf reflect.StructField) reflect.Type {
	t := sf.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if !sf.Anonymous || t.Kind() != reflect.Struct || isValue(t) {
		return nil
	}
	return t
}

// tag is the decoded tag of a field.
type tag struct {
	name           string
	optional, skip bool
}

// tagOf reads the tag of a field: that of key e6, or that of key db if there is none. Options
// of db tags that this package does not know belong to other libraries.
func (w *walker) tagOf(sf reflect.StructField) (tag, error) {
	text, own := sf.Tag.Lookup("e6")
	if !own {
		text = sf.Tag.Get("db")
	}
	if text == "-" {
		return tag{skip: true}, nil
	}
	name, options, _ := strings.Cut(text, ",")
	t := tag{name: name}
	for option := range strings.SplitSeq(options, ",") {
		switch {
		case option == "optional":
			t.optional = true
		case option != "" && own:
			return t, w.problem(sf, fmt.Sprintf("has the option %q in its e6 tag: the only option is optional", option))
		}
	}
	return t, nil
}

// fieldFor returns the index of the field that a column goes into. A name in a tag is
// compared first exactly and then without regard to case; the name of a field without one is
// compared without regard to case and underscores.
func fieldFor(typ reflect.Type, fields []field, column string) (int, error) {
	matches := []func(f *field) bool{
		func(f *field) bool { return f.tag == column },
		func(f *field) bool { return f.tag != "" && strings.EqualFold(f.tag, column) },
		func(f *field) bool { return f.tag == "" && strings.EqualFold(f.column, column) },
		func(f *field) bool { return f.tag == "" && strings.EqualFold(f.name, column) },
		func(f *field) bool { return f.tag == "" && strings.EqualFold(joined(f.name), joined(column)) },
	}
	for _, match := range matches {
		found := -1
		for i := range fields {
			if !match(&fields[i]) || column == "" {
				continue
			}
			switch f := &fields[i]; {
			case found < 0, len(f.index) < len(fields[found].index):
				found = i
			case len(f.index) == len(fields[found].index):
				return 0, &MappingError{Type: typ.String(), Column: column, Field: f.name, Problem: fmt.Sprintf(
					"column %q has two fields in %s, %s and %s: give one of them another name in a tag such as `e6:\"name\"`, or tag it `e6:\"-\"`",
					column, typeName(typ), fields[found].name, f.name)}
			}
		}
		if found >= 0 {
			return found, nil
		}
	}
	if column == "" {
		return 0, &MappingError{Type: typ.String(), Problem: fmt.Sprintf("a column without a name has no field in %s: name it in the statement with AS", typeName(typ))}
	}
	return 0, &MappingError{Type: typ.String(), Column: column, Problem: fmt.Sprintf(
		"column %q has no field in %s: add one, name one in a tag such as `e6:%q`, or do not select the column", column, typeName(typ), column)}
}

// joined is a name without its underscores.
func joined(name string) string { return strings.ReplaceAll(name, "_", "") }

// snakeCase returns the name of the column of a field: OrderID is order_id, and HTTPStatus
// is http_status.
func snakeCase(name string) string {
	runes := []rune(name)
	var b strings.Builder
	for i, r := range runes {
		if unicode.IsUpper(r) && i > 0 && runes[i-1] != '_' {
			afterLower := !unicode.IsUpper(runes[i-1])
			beforeLower := i+1 < len(runes) && unicode.IsLower(runes[i+1])
			if afterLower || beforeLower {
				b.WriteByte('_')
			}
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
