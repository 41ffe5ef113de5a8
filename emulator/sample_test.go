package emulator_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/emulator"
	"github.com/e6data/e6data-go/internal/stress"
)

func cents(n int64) string { return fmt.Sprintf("%d.%02d", n/100, n%100) }

func orNull(s string) string {
	if s == "" {
		return null
	}
	return s
}

// The sample's formulas exist twice, in SQL and in Go. Here every row of every
// table is compared.
func TestSample_RowsEqualItsFormulas(t *testing.T) {
	t.Parallel()
	begin := time.Now()
	e := newEngine(t, emulator.Options{})
	require.Less(t, time.Since(begin), stress.Patience, "the sample is to be there at once")

	t.Run("customers", func(t *testing.T) {
		t.Parallel()
		rows := query(t, e, "SELECT * FROM customers ORDER BY customer_id")
		require.Len(t, rows, emulator.SampleCustomers)
		for i, row := range rows {
			c := emulator.SampleCustomer(int64(i + 1))
			require.Equal(t, []string{strconv.FormatInt(c.ID, 10), c.Name, c.Country, cents(c.CreditCents), c.CreatedOn.Format(time.DateOnly)}, row)
		}
	})
	t.Run("products", func(t *testing.T) {
		t.Parallel()
		rows := query(t, e, "SELECT * FROM products ORDER BY product_id")
		require.Len(t, rows, emulator.SampleProducts)
		for i, row := range rows {
			p := emulator.SampleProduct(int32(i + 1))
			require.Equal(t, []string{strconv.Itoa(int(p.ID)), p.Name, p.Category, cents(p.PriceCents)}, row)
		}
	})
	t.Run("orders", func(t *testing.T) {
		t.Parallel()
		rows := query(t, e, "SELECT count(*), sum(amount), count(note) FROM orders")
		var total, notes int64
		for id := int64(1); id <= emulator.SampleOrders; id++ {
			o := emulator.SampleOrder(id)
			total += o.AmountCents
			if o.Note != "" {
				notes++
			}
		}
		require.Equal(t, [][]string{{strconv.Itoa(emulator.SampleOrders), cents(total), strconv.FormatInt(notes, 10)}}, rows)

		rows = query(t, e, "SELECT * FROM orders WHERE order_id % 97 = 0 OR order_id > 999900 ORDER BY order_id")
		require.Greater(t, len(rows), 10_000)
		for _, row := range rows {
			id, err := strconv.ParseInt(row[0], 10, 64)
			require.NoError(t, err)
			o := emulator.SampleOrder(id)
			require.Equal(t, []string{
				row[0], strconv.FormatInt(o.CustomerID, 10), strconv.Itoa(int(o.ProductID)), strconv.Itoa(int(o.Quantity)),
				cents(o.AmountCents), o.Status, strconv.FormatBool(o.Express), o.OrderedAt.Format("2006-01-02T15:04:05.000000Z"), orNull(o.Note),
			}, row)
		}
	})
	t.Run("returns", func(t *testing.T) {
		t.Parallel()
		rows := query(t, e, "SELECT * FROM returns ORDER BY return_id")
		require.Len(t, rows, emulator.SampleReturns)
		for i, row := range rows {
			r := emulator.SampleReturn(int64(i + 1))
			require.Equal(t, []string{strconv.FormatInt(r.ID, 10), strconv.FormatInt(r.OrderID, 10), r.Reason, r.ReturnedOn.Format(time.DateOnly)}, row)
		}
	})
	t.Run("every id of another table exists", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, [][]string{{"0"}}, query(t, e, `SELECT count(*) FROM orders ANTI JOIN customers USING (customer_id)`))
		require.Equal(t, [][]string{{"0"}}, query(t, e, `SELECT count(*) FROM orders ANTI JOIN products USING (product_id)`))
		require.Equal(t, [][]string{{"0"}}, query(t, e, `SELECT count(*) FROM returns ANTI JOIN orders USING (order_id)`))
	})
	t.Run("the table of all types can be read", func(t *testing.T) {
		t.Parallel()
		rows := query(t, e, "SELECT * FROM types ORDER BY id")
		require.Len(t, rows, 4)
		require.Equal(t, "1234567890123456789012345678.0123456789", rows[0][12])
		for _, v := range rows[1][1:] {
			require.Equal(t, null, v)
		}
		require.Equal(t, "+11756-12-31", rows[3][15])
	})
}
