package main

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/sqldriver"
)

const (
	workers   = 16
	customers = 10_000
	orders    = 900_000
	longRows  = 5_000
	timeout   = time.Minute // of one query
)

// A record is one query of a client: when it began, in nanoseconds since 1970, how long it took, the
// rows that it read, and its error.
type record struct {
	Began int64  `json:"began"`
	Took  int64  `json:"took"`
	Rows  int    `json:"rows"`
	Wrong bool   `json:"wrong,omitempty"`
	Error string `json:"error,omitempty"`
}

// A report is the last line of a client.
type report struct {
	Queries []record `json:"queries"`
	// PeakKiB is the peak of the resident memory, of all processes of the client.
	PeakKiB int64 `json:"peak_kib"`
}

// A reader runs a query whose rows have n as their first value, and a text if that is wanted.
type reader func(ctx context.Context, sql string, row func(n int64, text string) bool, text bool) error

// runClient is a client of Go, in a process of its own: it connects, prints ready, waits for a
// line, and runs the load.
func runClient(kind, addr string, d time.Duration, in io.Reader, out io.Writer) error {
	cfg := e6.Config{Address: addr, User: "user@example.com", Token: "token", Catalog: "demo", Schema: "sales"}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	var read reader
	switch kind {
	case "native":
		client, err := e6.Open(ctx, cfg)
		if err != nil {
			return err
		}
		defer client.Close()
		read = native(client)
	case "sql":
		connector, err := sqldriver.NewConnector(cfg)
		if err != nil {
			return err
		}
		db := sql.OpenDB(connector)
		defer db.Close()
		if err := db.PingContext(ctx); err != nil {
			return err
		}
		read = pooled(db)
	default:
		return fmt.Errorf("client %q: want native or sql", kind)
	}
	fmt.Fprintln(out, "ready")
	if _, err := bufio.NewReader(in).ReadString('\n'); err != nil {
		return err
	}
	queries := load(read, d)
	return json.NewEncoder(out).Encode(report{Queries: queries, PeakKiB: peak()})
}

func native(client *e6.Client) reader {
	return func(ctx context.Context, sql string, row func(int64, string) bool, text bool) error {
		rows, err := client.Query(ctx, sql)
		if err != nil {
			return err
		}
		defer rows.Close()
		return each(rows, row, text)
	}
}

func pooled(db *sql.DB) reader {
	return func(ctx context.Context, sql string, row func(int64, string) bool, text bool) error {
		rows, err := db.QueryContext(ctx, sql)
		if err != nil {
			return err
		}
		defer rows.Close()
		return each(rows, row, text)
	}
}

func each(rows interface {
	Next() bool
	Scan(...any) error
	Err() error
}, row func(int64, string) bool, text bool) error {
	for rows.Next() {
		var n int64
		var s string
		to := []any{&n, &s}
		if !text {
			to = to[:1]
		}
		if err := rows.Scan(to...); err != nil {
			return err
		}
		if !row(n, s) {
			return errWrong
		}
	}
	return rows.Err()
}

var errWrong = fmt.Errorf("a wrong row")

// load runs the workers.
func load(read reader, d time.Duration) (all []record) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	end := time.Now().Add(d)
	for w := range workers {
		wg.Go(func() {
			var mine []record
			for i := w; time.Now().Before(end); i++ {
				mine = append(mine, one(read, i))
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, mine...)
		})
	}
	wg.Wait()
	return all
}

// one runs the query of a number. load.py has the same queries.
func one(read reader, i int) record {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	var (
		query string
		want  int
		text  bool
		first int64
	)
	if i%8 == 7 {
		first, want = int64(i)*7919%orders+1, longRows
		query = fmt.Sprintf("SELECT order_id FROM orders WHERE order_id BETWEEN %d AND %d ORDER BY order_id", first, first+longRows-1)
	} else {
		first, want, text = int64(i)*31%customers+1, 1, true
		query = fmt.Sprintf("SELECT customer_id, name FROM customers WHERE customer_id = %d", first)
	}
	got := 0
	began := time.Now()
	err := read(ctx, query, func(n int64, s string) bool {
		right := n == first+int64(got) && (!text || s == fmt.Sprintf("Customer %05d", n))
		got++
		return right
	}, text)
	r := record{Began: began.UnixNano(), Took: int64(time.Since(began)), Rows: got}
	switch {
	case err == errWrong || err == nil && got != want:
		r.Wrong = true
	case err != nil:
		r.Error = err.Error()
	}
	return r
}

// peak returns the peak of the resident memory of this process, in KiB.
func peak() int64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0 // not Linux
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return n
		}
	}
	return 0
}
