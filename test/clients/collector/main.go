// The OpenTelemetry Collector's exporter `otlp_http`, as a Collector makes it, with a profile in which
// burnCpu has nearly all the time: half of it under the attribute endpoint. The time of the profile
// is now, or PHLOX_TIME_MS.
package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"strconv"
	"time"

	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/exporter/otlphttpexporter"
	"go.opentelemetry.io/collector/exporter/xexporter"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pprofile"
)

const sampleNs = 10_000_000

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func takenAt() time.Time {
	text := os.Getenv("PHLOX_TIME_MS")
	if text == "" {
		return time.Now()
	}
	ms, err := strconv.ParseInt(text, 10, 64)
	check(err)
	return time.UnixMilli(ms)
}

// tables are those of the dictionary; the first row of each is the null one.
type tables struct {
	pprofile.ProfilesDictionary
	strings map[string]int32
}

func newTables(dictionary pprofile.ProfilesDictionary) tables {
	made := tables{dictionary, map[string]int32{}}
	made.text("")
	dictionary.MappingTable().AppendEmpty()
	dictionary.LocationTable().AppendEmpty()
	dictionary.FunctionTable().AppendEmpty()
	dictionary.LinkTable().AppendEmpty()
	dictionary.AttributeTable().AppendEmpty()
	dictionary.StackTable().AppendEmpty()
	return made
}

func (t tables) text(text string) int32 {
	index, ok := t.strings[text]
	if !ok {
		index = int32(t.StringTable().Len())
		t.strings[text] = index
		t.StringTable().Append(text)
	}
	return index
}

func (t tables) attribute(key, value string) int32 {
	row := t.AttributeTable().AppendEmpty()
	row.SetKeyStrindex(t.text(key))
	row.Value().SetStr(value)
	return int32(t.AttributeTable().Len() - 1)
}

// stack has its names root first.
func (t tables) stack(names ...string) int32 {
	row := t.StackTable().AppendEmpty()
	for i := len(names) - 1; i >= 0; i-- {
		function := t.FunctionTable().AppendEmpty()
		function.SetNameStrindex(t.text(names[i]))
		function.SetFilenameStrindex(t.text("busy.c"))
		location := t.LocationTable().AppendEmpty()
		line := location.Lines().AppendEmpty()
		line.SetFunctionIndex(int32(t.FunctionTable().Len() - 1))
		line.SetLine(int64(10 + i))
		row.LocationIndices().Append(int32(t.LocationTable().Len() - 1))
	}
	return int32(t.StackTable().Len() - 1)
}

func (t tables) name(target pprofile.ValueType, kind, unit string) {
	target.SetTypeStrindex(t.text(kind))
	target.SetUnitStrindex(t.text(unit))
}

func busy() pprofile.Profiles {
	profiles := pprofile.NewProfiles()
	dictionary := newTables(profiles.Dictionary())
	resource := profiles.ResourceProfiles().AppendEmpty()
	resource.Resource().Attributes().PutStr("service.name", "busy.collector")
	resource.Resource().Attributes().PutStr("region", "north")
	profile := resource.ScopeProfiles().AppendEmpty().Profiles().AppendEmpty()
	profile.SetTime(pcommon.NewTimestampFromTime(takenAt()))
	profile.SetDurationNano(uint64(5 * time.Second))
	dictionary.name(profile.SampleType(), "samples", "count")
	dictionary.name(profile.PeriodType(), "cpu", "nanoseconds")
	profile.SetPeriod(sampleNs)
	checkout := dictionary.attribute("endpoint", "/checkout")
	burn := dictionary.stack("main", "burnCpu")
	add := func(stack int32, value int64, attributes ...int32) {
		sample := profile.Samples().AppendEmpty()
		sample.SetStackIndex(stack)
		sample.Values().Append(value)
		sample.AttributeIndices().Append(attributes...)
	}
	add(burn, 200, checkout)
	add(burn, 250)
	add(dictionary.stack("main", "idle"), 10)
	return profiles
}

func main() {
	ctx := context.Background()
	factory := otlphttpexporter.NewFactory()
	config := factory.CreateDefaultConfig().(*otlphttpexporter.Config)
	config.ClientConfig.Endpoint = os.Getenv("PHLOX_URL")
	credentials := os.Getenv("PHLOX_USER") + ":" + os.Getenv("PHLOX_PASSWORD")
	encoded := base64.StdEncoding.EncodeToString([]byte(credentials))
	config.ClientConfig.Headers.Set("Authorization", configopaque.String("Basic "+encoded))
	settings := exportertest.NewNopSettings(factory.Type())
	exporter, err := factory.(xexporter.Factory).CreateProfiles(ctx, settings, config)
	check(err)
	check(exporter.Start(ctx, componenttest.NewNopHost()))
	check(exporter.ConsumeProfiles(ctx, busy()))
	// The queue is sent before it ends.
	check(exporter.Shutdown(ctx))
}
