package main

import (
	"fmt"
	"go/constant"
	"go/types"
	"slices"
	"strings"
)

// describe lists what a package exports, sorted, one line for each thing: a
// constant with its value, a variable, a function, a type with its exported fields
// and methods. Promoted fields and methods of embedded types count, as programs use them.
func describe(p *types.Package) []string {
	d := describer{qualify: func(other *types.Package) string {
		if other == p {
			return ""
		}
		return other.Path()
	}}
	for _, name := range p.Scope().Names() {
		if object := p.Scope().Lookup(name); object.Exported() {
			d.object(object)
		}
	}
	slices.Sort(d.lines)
	return slices.Compact(d.lines)
}

type describer struct {
	qualify types.Qualifier
	lines   []string
}

func (d *describer) line(format string, args ...any) {
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
}

func (d *describer) text(t types.Type) string { return types.TypeString(t, d.qualify) }

func (d *describer) object(object types.Object) {
	switch o := object.(type) {
	case *types.Const:
		d.line("const %s %s = %s", o.Name(), d.text(o.Type()), value(o.Val()))
	case *types.Var:
		d.line("var %s %s", o.Name(), d.text(o.Type()))
	case *types.Func:
		d.line("func %s%s", o.Name(), strings.TrimPrefix(d.text(o.Type()), "func"))
	case *types.TypeName:
		d.typeName(o)
	}
}

// value is a constant to its last digit.
func value(v constant.Value) string { return v.ExactString() }

func (d *describer) typeName(o *types.TypeName) {
	if o.IsAlias() {
		// The other package may be internal, so that nothing else lists what the
		// type has.
		d.line("type %s = %s", o.Name(), d.text(types.Unalias(o.Type())))
	}
	named, ok := types.Unalias(o.Type()).(*types.Named)
	if !ok {
		return
	}
	name := o.Name() + parameters(named, d.qualify)
	switch t := named.Underlying().(type) {
	case *types.Struct:
		d.line("type %s struct", name)
		d.fields(name, t)
	case *types.Interface:
		d.line("type %s interface%s", name, sealed(t))
		for i := range t.NumMethods() {
			if m := t.Method(i); m.Exported() {
				d.line("type %s interface, %s%s", name, m.Name(), strings.TrimPrefix(d.text(m.Type()), "func"))
			}
		}
		return // its method set is the same again
	default:
		d.line("type %s %s", name, d.text(t))
	}
	d.methods(name, named)
}

// parameters are the type parameters of a generic type.
func parameters(n *types.Named, q types.Qualifier) string {
	list := n.TypeParams()
	if list.Len() == 0 {
		return ""
	}
	var all []string
	for i := range list.Len() {
		all = append(all, list.At(i).Obj().Name()+" "+types.TypeString(list.At(i).Constraint(), q))
	}
	return "[" + strings.Join(all, ", ") + "]"
}

// sealed marks that programs cannot satisfy an interface, so that it may grow.
func sealed(t *types.Interface) string {
	for i := range t.NumMethods() {
		if !t.Method(i).Exported() {
			return ", with a method of its package"
		}
	}
	return ""
}

func (d *describer) fields(name string, t *types.Struct) {
	for i := range t.NumFields() {
		f := t.Field(i)
		switch {
		case !f.Exported() && f.Embedded():
			// The type cannot be named elsewhere, its fields can.
			if inner, ok := f.Type().Underlying().(*types.Struct); ok {
				d.fields(name, inner)
			}
		case !f.Exported():
		case f.Embedded():
			d.line("type %s struct, embedded %s", name, d.text(f.Type()))
		default:
			d.line("type %s struct, %s %s", name, f.Name(), d.text(f.Type()))
		}
	}
}

func (d *describer) methods(name string, named *types.Named) {
	for set, i := types.NewMethodSet(types.NewPointer(named)), 0; i < set.Len(); i++ {
		m := set.At(i)
		if !m.Obj().Exported() {
			continue
		}
		receiver := "*" + name
		if types.NewMethodSet(named).Lookup(m.Obj().Pkg(), m.Obj().Name()) != nil {
			receiver = name
		}
		d.line("method (%s) %s%s", receiver, m.Obj().Name(), strings.TrimPrefix(d.text(m.Type()), "func"))
	}
}
