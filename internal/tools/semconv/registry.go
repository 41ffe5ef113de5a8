package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Conventions are the expected values of the conformance test.
type Conventions struct {
	Version    string               `json:"version"`
	Attributes map[string]Attribute `json:"attributes"`
	// Span is the span of a call to an SQL database.
	Span Span `json:"span"`
	// Metrics are those of database clients, by name.
	Metrics map[string]Metric `json:"metrics"`
}

// Attribute is the registry's definition of an attribute.
type Attribute struct {
	Type      string   `json:"type"`
	Stability string   `json:"stability"`
	Values    []string `json:"values,omitempty"` // the well-known ones
}

// Span is the conventions' definition of a span. Attributes holds the requirement levels, and
// AtStart those attributes that a sampler should see.
type Span struct {
	Kind       string            `json:"kind"`
	Stability  string            `json:"stability"`
	Attributes map[string]string `json:"attributes"`
	AtStart    []string          `json:"atStart"`
}

// Metric is the conventions' definition of a metric.
type Metric struct {
	Instrument string            `json:"instrument"`
	Unit       string            `json:"unit"`
	Value      string            `json:"value"`
	Stability  string            `json:"stability"`
	Buckets    []float64         `json:"buckets,omitempty"`
	Attributes map[string]string `json:"attributes"`
}

// The groups of the span: what holds for every database, and what SQL databases change.
const (
	anySpan = "span.db.client"
	sqlSpan = "span.db.sql.client"
)

// group is a group of the registry, as far as it is needed.
type group struct {
	ID          string
	Type        string
	Extends     string
	Stability   string
	SpanKind    string `yaml:"span_kind"`
	MetricName  string `yaml:"metric_name"`
	Instrument  string
	Unit        string
	Deprecated  any
	Annotations struct {
		Code struct {
			Value string `yaml:"metric_value_type"`
		} `yaml:"code_generation"`
	}
	Attributes []member
}

// member is an attribute that a group defines or refers to.
type member struct {
	ID        string
	Key       string
	Ref       string
	Type      valueType
	Stability string
	Level     level `yaml:"requirement_level"`
	Sampling  bool  `yaml:"sampling_relevant"`
}

// valueType is the type of an attribute: a name, or the members of an enumeration.
type valueType struct {
	name   string
	values []string
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (t *valueType) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		t.name = node.Value
		return nil
	}
	var enum struct {
		Members []struct{ Value string }
	}
	if err := node.Decode(&enum); err != nil {
		return err
	}
	t.name = "string"
	for _, m := range enum.Members {
		t.values = append(t.values, m.Value)
	}
	return nil
}

// level is a requirement level. The registry gives some with a condition.
type level string

// UnmarshalYAML implements yaml.Unmarshaler.
func (l *level) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.MappingNode && len(node.Content) == 2 {
		node = node.Content[0]
	}
	*l = level(node.Value)
	return nil
}

// registry is the part of the registry that is read.
type registry struct {
	groups     map[string]group
	attributes map[string]Attribute
	buckets    map[string][]float64
}

// read reads the registry in a checkout.
func read(dir string) (*registry, error) {
	r := &registry{groups: map[string]group{}, attributes: map[string]Attribute{}, buckets: map[string][]float64{}}
	files, err := filepath.Glob(filepath.Join(dir, "model", "*", "*.yaml"))
	if err != nil {
		return nil, err
	}
	for _, path := range files {
		switch filepath.Base(filepath.Dir(path)) {
		case "db", "server", "error", "network":
		default:
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		var file struct {
			Groups     []group
			Attributes []member
		}
		if err := yaml.Unmarshal(text, &file); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		for _, g := range file.Groups {
			r.groups[g.ID] = g
			for _, m := range g.Attributes {
				r.define(m.ID, m)
			}
		}
		for _, m := range file.Attributes {
			r.define(m.Key, m)
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "docs", "db", "database-metrics.md"))
	if err != nil {
		return nil, err
	}
	return r, r.readBuckets(string(text))
}

func (r *registry) define(key string, m member) {
	if key != "" && m.Ref == "" {
		r.attributes[key] = Attribute{Type: m.Type.name, Stability: m.Stability, Values: m.Type.values}
	}
}

// readBuckets reads the boundaries, which the documents have and the registry has not.
func (r *registry) readBuckets(text string) error {
	title := regexp.MustCompile("^### Metric: `([^`]+)`")
	list := regexp.MustCompile("ExplicitBucketBoundaries.*\n?.*`\\[ *([0-9., ]+)\\]`")
	for _, section := range strings.Split(text, "\n### ") {
		name := title.FindStringSubmatch("### " + section)
		found := list.FindStringSubmatch(section)
		if name == nil || found == nil {
			continue
		}
		for _, number := range strings.Split(found[1], ",") {
			f, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
			if err != nil {
				return fmt.Errorf("boundaries of %s: %w", name[1], err)
			}
			r.buckets[name[1]] = append(r.buckets[name[1]], f)
		}
	}
	return nil
}

// levels are the requirement levels of a group's attributes, with those that it inherits.
func (r *registry) levels(id string) (map[string]string, error) {
	g, ok := r.groups[id]
	if !ok {
		return nil, fmt.Errorf("the registry has no group %q", id)
	}
	all := map[string]string{}
	if g.Extends != "" {
		inherited, err := r.levels(g.Extends)
		if err != nil {
			return nil, err
		}
		all = inherited
	}
	for _, m := range g.Attributes {
		key := m.Ref + m.ID
		switch {
		case m.Level != "":
			all[key] = string(m.Level)
		case all[key] == "":
			all[key] = "recommended" // what the conventions take for no level
		}
	}
	return all, nil
}

// sampling are the attributes of a group, and of those that it extends, that a sampler
// should see.
func (r *registry) sampling(id string) (keys []string) {
	for g, ok := r.groups[id]; ok; g, ok = r.groups[g.Extends] {
		for _, m := range g.Attributes {
			if m.Sampling {
				keys = append(keys, m.Ref+m.ID)
			}
		}
	}
	return keys
}

// conventions collects what the test needs.
func (r *registry) conventions(version string) (*Conventions, error) {
	f := &Conventions{Version: version, Attributes: map[string]Attribute{}, Metrics: map[string]Metric{}}
	levels, err := r.levels(anySpan)
	if err != nil {
		return nil, err
	}
	changed, err := r.levels(sqlSpan)
	if err != nil {
		return nil, err
	}
	maps.Copy(levels, changed)
	atStart := append(r.sampling(anySpan), r.sampling(sqlSpan)...)
	slices.Sort(atStart)
	span := r.groups[sqlSpan]
	f.Span = Span{Kind: span.SpanKind, Stability: span.Stability, Attributes: levels, AtStart: slices.Compact(atStart)}
	used := []map[string]string{levels}
	for id, g := range r.groups {
		if g.Type != "metric" || g.Deprecated != nil || !strings.HasPrefix(g.MetricName, "db.client.") {
			continue
		}
		levels, err := r.levels(id)
		if err != nil {
			return nil, err
		}
		used = append(used, levels)
		f.Metrics[g.MetricName] = Metric{
			Instrument: g.Instrument, Unit: g.Unit, Value: g.Annotations.Code.Value, Stability: g.Stability,
			Buckets: r.buckets[g.MetricName], Attributes: levels,
		}
	}
	for _, levels := range used {
		for key := range levels {
			a, ok := r.attributes[key]
			if !ok {
				return nil, fmt.Errorf("the registry does not define the attribute %q", key)
			}
			f.Attributes[key] = a
		}
	}
	return f, nil
}
