package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/vector"
	"github.com/e6data/e6data-go/emulator"
)

// queryTimeout is the time after which a query without a result counts as failed.
const queryTimeout = time.Minute

// load is the mix of queries.
type load struct {
	client  *e6.Client
	workers []*worker
	running sync.WaitGroup

	// sales is the known answer of the reports, by quantity and category.
	sales map[int]map[string]sale
	// pace is the time in which an export reads one batch.
	pace time.Duration
}

// worker runs queries of one kind, one after the other.
type worker struct {
	name, does string
	// query runs the n-th query and returns where it ran and how many rows it
	// read. A wrong answer is an errWrong.
	query func(ctx context.Context, n int) (e6.Side, int, error)

	mu     sync.Mutex
	result result
	rows   int
	on     map[e6.Side]int
	slow   time.Duration
	errs   []error // the first few
}

// errWrong is an answer that is not the known one.
type errWrong struct{ error }

func wrong(format string, args ...any) error { return errWrong{fmt.Errorf(format, args...)} }

func newLoad(client *e6.Client, duration time.Duration) *load {
	l := &load{client: client, sales: knownSales(), pace: duration / 8 / (exportRows / 1000)}
	l.workers = []*worker{
		{name: "lookup-1", does: "reads single orders, by number", query: l.lookup},
		{name: "lookup-2", does: "reads other single orders", query: l.lookup},
		{name: "report", does: "sums up all orders by category, with a join", query: l.report},
		{name: "list", does: "reads 10,000 orders at once", query: l.list},
		{name: "stream", does: "reads 10,000 orders row by row", query: l.rows},
		{name: "export", does: fmt.Sprintf("reads 50,000 orders batch by batch, in %s", duration/8), query: l.export},
	}
	return l
}

// start starts the workers. After ctx has ended they start no query, and read the
// running ones to the end.
func (l *load) start(ctx context.Context) {
	for i, w := range l.workers {
		l.running.Go(func() {
			for n := i; ctx.Err() == nil; n += len(l.workers) {
				l.once(w, n)
			}
		})
	}
}

// once runs one query and counts its result. A stream that is cut off continues after
// its last row, however many rows were read: the statements have an ORDER BY.
func (l *load) once(w *worker, n int) {
	ctx, cancel := context.WithTimeout(context.Background(), queryTimeout)
	defer cancel()
	ctx = e6.WithQueryOptions(ctx, e6.Tag(w.name), e6.Replay(e6.ReplayContinue))
	began := time.Now()
	side, rows, err := w.query(ctx, n)
	took := time.Since(began)

	w.mu.Lock()
	defer w.mu.Unlock()
	w.result.queries++
	w.rows += rows
	w.slow = max(w.slow, took)
	if w.on == nil {
		w.on = make(map[e6.Side]int)
	}
	w.on[side]++
	if err == nil {
		return
	}
	if _, ok := errors.AsType[errWrong](err); ok {
		w.result.wrong++
	} else {
		w.result.failed++
	}
	if len(w.errs) < 3 {
		w.errs = append(w.errs, err)
	}
}

func (l *load) wait() { l.running.Wait() }

func (l *load) total() (sum result) {
	for _, w := range l.workers {
		w.mu.Lock()
		sum.queries += w.result.queries
		sum.failed += w.result.failed
		sum.wrong += w.result.wrong
		w.mu.Unlock()
	}
	return sum
}

// order is a row of selectOrders.
type order struct {
	ID, Customer int64
	Amount       vector.Decimal
	Status       string
	At           time.Time
	Note         *string
}

const selectOrders = "SELECT order_id, customer_id, amount, status, ordered_at, note FROM orders"

// check compares an order with the known one.
func (o order) check(id int64) error {
	known := emulator.SampleOrder(id)
	note := ""
	if o.Note != nil {
		note = *o.Note
	}
	if o.ID != id || o.Customer != known.CustomerID || o.Amount.String() != euros(known.AmountCents) ||
		o.Status != known.Status || !o.At.Equal(known.OrderedAt) || note != known.Note {
		return wrong("order %d is %+v instead of %+v", id, o, known)
	}
	return nil
}

// checkRow compares a row of a batch with the known order.
func checkRow(batch *vector.Batch, row int, id int64) error {
	at, err := batch.Column(4).Time(row)
	if err != nil {
		return err
	}
	o := order{
		ID: batch.Column(0).Int64(row), Customer: batch.Column(1).Int64(row), Amount: batch.Column(2).Decimal(row),
		Status: batch.Column(3).Str(row), At: at,
	}
	if !batch.Column(5).IsNull(row) {
		note := batch.Column(5).Str(row)
		o.Note = &note
	}
	return o.check(id)
}

// euros writes an amount as the engine does.
func euros(cents int64) string { return fmt.Sprintf("%d.%02d", cents/100, cents%100) }

// lookup reads one order.
func (l *load) lookup(ctx context.Context, n int) (e6.Side, int, error) {
	id := 1 + int64(n)*7919%emulator.SampleOrders
	return l.whole(ctx, id, id)
}

// list reads many orders at once.
func (l *load) list(ctx context.Context, n int) (e6.Side, int, error) {
	first, last := someOrders(n, listRows)
	return l.whole(ctx, first, last)
}

// The numbers of orders that a list or a stream, and an export read.
const (
	listRows   = 10_000
	exportRows = 50_000
)

// someOrders chooses count orders in a row.
func someOrders(n, count int) (first, last int64) {
	first = 1 + int64(n)*9973%int64(emulator.SampleOrders-count+1)
	return first, first + int64(count) - 1
}

func selectSome(first, last int64) string {
	return fmt.Sprintf("%s WHERE order_id BETWEEN %d AND %d ORDER BY order_id", selectOrders, first, last)
}

// whole reads orders at once.
func (l *load) whole(ctx context.Context, first, last int64) (e6.Side, int, error) {
	answer, err := l.client.QueryAll(ctx, selectSome(first, last))
	if err != nil {
		return e6.None, 0, err
	}
	id := first
	for _, batch := range answer.Batches {
		for row := range batch.Rows() {
			if err := checkRow(batch, row, id); err != nil {
				return answer.Handle.Side, answer.Len(), err
			}
			id++
		}
	}
	if id != last+1 {
		return answer.Handle.Side, answer.Len(), wrong("orders %d to %d: the answer ends before %d", first, last, id)
	}
	return answer.Handle.Side, answer.Len(), nil
}

// rows reads orders row by row.
func (l *load) rows(ctx context.Context, n int) (e6.Side, int, error) {
	first, last := someOrders(n, listRows)
	rows, err := l.client.Query(ctx, selectSome(first, last))
	if err != nil {
		return e6.None, 0, err
	}
	defer func() { _ = rows.Close() }()
	id := first
	for rows.Next() {
		var o order
		err := rows.Scan(&o.ID, &o.Customer, &o.Amount, &o.Status, &o.At, &o.Note)
		if err == nil {
			err = o.check(id)
		}
		if err != nil {
			return rows.Handle().Side, int(id - first), err
		}
		id++
	}
	err = rows.Err()
	if err == nil && id != last+1 {
		err = wrong("orders %d to %d: the stream ends before %d", first, last, id)
	}
	return rows.Handle().Side, int(id - first), err
}

// export reads orders batch by batch, column by column, at a limited rate.
func (l *load) export(ctx context.Context, n int) (e6.Side, int, error) {
	first, last := someOrders(n, exportRows)
	rows, err := l.client.Query(ctx, selectSome(first, last))
	if err != nil {
		return e6.None, 0, err
	}
	defer func() { _ = rows.Close() }()
	pause := time.NewTicker(l.pace)
	defer pause.Stop()
	id := first
	for batch, err := range rows.Batches() {
		if err != nil {
			return rows.Handle().Side, int(id - first), err
		}
		for row := range batch.Rows() {
			if err := checkRow(batch, row, id); err != nil {
				return rows.Handle().Side, int(id - first), err
			}
			id++
		}
		<-pause.C
	}
	if id != last+1 {
		return rows.Handle().Side, int(id - first), wrong("orders %d to %d: the export ends before %d", first, last, id)
	}
	return rows.Handle().Side, int(id - first), nil
}

// sale is a line of a report, without its category.
type sale struct {
	orders, cents int64
}

// report sums up the orders of one quantity.
func (l *load) report(ctx context.Context, n int) (e6.Side, int, error) {
	quantity := 1 + n%9
	answer, err := l.client.QueryAll(ctx, fmt.Sprintf(`
		SELECT category, count(*) AS orders, sum(amount) AS amount
		FROM orders JOIN products USING (product_id)
		WHERE quantity = %d GROUP BY category`, quantity))
	if err != nil {
		return e6.None, 0, err
	}
	known := l.sales[quantity]
	for row := range answer.Rows() {
		category, _ := row[0].(string)
		amount, _ := row[2].(vector.Decimal)
		if s, ok := known[category]; !ok || row[1] != s.orders || amount.String() != euros(s.cents) {
			return answer.Handle.Side, answer.Len(), wrong("the report of quantity %d has %v instead of %+v", quantity, row, s)
		}
	}
	if answer.Len() != len(known) {
		return answer.Handle.Side, answer.Len(), wrong("the report of quantity %d has %d lines instead of %d", quantity, answer.Len(), len(known))
	}
	return answer.Handle.Side, answer.Len(), nil
}

// knownSales computes the answers of all reports.
func knownSales() map[int]map[string]sale {
	all := make(map[int]map[string]sale)
	for id := int64(1); id <= emulator.SampleOrders; id++ {
		o := emulator.SampleOrder(id)
		lines := all[int(o.Quantity)]
		if lines == nil {
			lines = make(map[string]sale)
			all[int(o.Quantity)] = lines
		}
		category := emulator.SampleProduct(o.ProductID).Category
		s := lines[category]
		s.orders++
		s.cents += o.AmountCents
		lines[category] = s
	}
	return all
}
