package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRow_CountsAndMeasuresTheSecondOfACutover(t *testing.T) {
	cutover := time.Unix(1000, 0)
	began := func(after time.Duration) int64 { return cutover.Add(after).UnixNano() }
	r := run{client: "c", d: 2 * time.Second, cutovers: []time.Time{cutover}, report: report{PeakKiB: 2048, Queries: []record{
		{Began: began(-time.Millisecond), Took: int64(9 * time.Second), Rows: 1},
		{Began: began(0), Took: int64(5 * time.Millisecond), Rows: 1},
		{Began: began(999 * time.Millisecond), Took: int64(7 * time.Millisecond), Rows: 6, Error: "lost"},
		{Began: began(time.Second), Took: int64(8 * time.Second), Wrong: true},
	}}}
	w := r.row()
	require.Equal(t, row{queries: 4, failed: 1, wrong: 1, p99: 7 * time.Millisecond, rows: 4, peak: 2, errors: []string{"lost"}}, w)
	require.Contains(t, table([]run{r}), "| c | 4 | 1 | 1 | 7 ms | 4 | 2 MiB |\n")
	require.Contains(t, shortTable([]run{r}), "| client, 1 cutovers |")
}

func TestPercentile(t *testing.T) {
	var values []int64
	for n := int64(200); n > 0; n-- {
		values = append(values, n)
	}
	require.Equal(t, time.Duration(198), percentile(values, 0.99))
	require.Equal(t, time.Duration(1), percentile([]int64{1}, 0.99))
	require.Zero(t, percentile(nil, 0.99))
}

func TestOne_ComparesEveryRow(t *testing.T) {
	answer := func(rows int, shift int64, err error) reader {
		return func(_ context.Context, sql string, row func(int64, string) bool, text bool) error {
			for i := range rows {
				if !row(1+shift+int64(i), "Customer 00001") {
					return errWrong
				}
			}
			return err
		}
	}
	require.Zero(t, func() record { r := one(answer(1, 0, nil), 0); return record{Wrong: r.Wrong, Error: r.Error} }())
	require.True(t, one(answer(0, 0, nil), 0).Wrong, "a row is missing")
	require.True(t, one(answer(2, 0, nil), 0).Wrong, "a row too many")
	require.True(t, one(answer(1, 1, nil), 0).Wrong, "another row")
	require.Equal(t, "lost", one(answer(0, 0, errors.New("lost")), 0).Error)
}

func TestReplace_WritesBetweenTheMarks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "page.md")
	require.NoError(t, os.WriteFile(path, []byte("a\n<!-- sidebyside:begin -->\nold\n<!-- sidebyside:end -->\nb\n"), 0o644))
	require.NoError(t, replace(path, "new\n"))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "a\n<!-- sidebyside:begin -->\nnew\n<!-- sidebyside:end -->\nb\n", string(text))
	require.NoError(t, os.WriteFile(path, []byte(strings.ReplaceAll(string(text), ":end", ":")), 0o644))
	require.ErrorContains(t, replace(path, "new\n"), "has no")
}

func TestStart_EndsTheProcessesOfAProgramWithIt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cmd, out, err := start(ctx, nil, "sh", "-c", "sleep 1000 & echo $!; wait")
	require.NoError(t, err)
	line, err := out.ReadString('\n')
	require.NoError(t, err)
	child, err := strconv.Atoi(strings.TrimSpace(line))
	require.NoError(t, err)
	cancel()
	require.Error(t, cmd.Wait())
	require.Eventually(t, func() bool { return syscall.Kill(child, 0) != nil }, time.Minute, time.Millisecond,
		"its child still runs")
}

func TestPost_WaitsForTheCutoverBefore(t *testing.T) {
	requests := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if requests++; requests < 3 {
			http.Error(w, "a cutover to green is running", http.StatusConflict)
		}
	}))
	defer server.Close()
	require.NoError(t, post(t.Context(), server.URL))
	require.Equal(t, 3, requests)
}

func TestPost_ReturnsTheErrorOfTheLastRequest(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "a cutover to green is running", http.StatusConflict)
		time.AfterFunc(10*time.Millisecond, cancel)
	}))
	defer server.Close()
	require.ErrorContains(t, post(ctx, server.URL), "409 Conflict: a cutover to green is running")
}
