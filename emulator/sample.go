package emulator

import (
	_ "embed"
	"fmt"
	"time"
)

// SampleCatalog and SampleSchema are where the sample data set lives. Names are
// looked up there last if neither the statement nor the session names
// where, unless the engine serves a file of its own.
const (
	SampleCatalog = "demo"
	SampleSchema  = "sales"
)

// The tables of the sample data set besides types, with their numbers of rows.
// Their ids begin with 1 and have no gaps.
const (
	SampleCustomers = 10_000
	SampleProducts  = 500
	SampleOrders    = 1_000_000
	SampleReturns   = 50_000
)

// sampleSQL builds the sample data set in the current schema.
//
//go:embed sample.sql
var sampleSQL string

// Customer is a row of the table customers.
type Customer struct {
	ID      int64  // customer_id BIGINT
	Name    string // name VARCHAR
	Country string // country VARCHAR
	// CreditCents is credit_limit DECIMAL(12,2) in hundredths.
	CreditCents int64
	CreatedOn   time.Time // created_on DATE
}

// SampleCustomer returns the customer of an id between 1 and SampleCustomers.
func SampleCustomer(id int64) Customer {
	return Customer{
		ID:          id,
		Name:        fmt.Sprintf("Customer %05d", id),
		Country:     [...]string{"DE", "FR", "IN", "JP", "BR", "US", "KE", "NZ"}[id%8],
		CreditCents: id * 2500,
		CreatedOn:   time.Date(2020, 1, 1+int(id%1461), 0, 0, 0, 0, time.UTC),
	}
}

// Product is a row of the table products.
type Product struct {
	ID       int32  // product_id INTEGER
	Name     string // name VARCHAR
	Category string // category VARCHAR
	// PriceCents is price DECIMAL(10,2) in hundredths.
	PriceCents int64
}

// SampleProduct returns the product of an id between 1 and SampleProducts.
func SampleProduct(id int32) Product {
	return Product{
		ID:         id,
		Name:       fmt.Sprintf("Product %03d", id),
		Category:   [...]string{"tools", "toys", "books", "food", "music"}[id%5],
		PriceCents: 100 + int64(id)*37%9900,
	}
}

// Order is a row of the table orders.
type Order struct {
	ID         int64 // order_id BIGINT
	CustomerID int64 // customer_id BIGINT
	ProductID  int32 // product_id INTEGER
	Quantity   int32 // quantity INTEGER
	// AmountCents is amount DECIMAL(12,2) in hundredths.
	AmountCents int64
	Status      string    // status VARCHAR
	Express     bool      // express BOOLEAN
	OrderedAt   time.Time // ordered_at TIMESTAMP
	// Note is note VARCHAR; the column is null where it is empty.
	Note string
}

// SampleOrder returns the order of an id between 1 and SampleOrders.
func SampleOrder(id int64) Order {
	o := Order{
		ID:          id,
		CustomerID:  1 + id*7919%10000,
		ProductID:   int32(1 + id*31%500),
		Quantity:    int32(1 + id%9),
		AmountCents: 1 + id*131%100000,
		Status:      [...]string{"new", "paid", "packed", "sent", "done"}[id%5],
		Express:     id%10 != 0,
		OrderedAt:   time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(id) * 30 * time.Second),
	}
	if id%100 == 0 {
		o.Note = fmt.Sprintf("note %d", id)
	}
	return o
}

// Return is a row of the table returns.
type Return struct {
	ID         int64     // return_id BIGINT
	OrderID    int64     // order_id BIGINT
	Reason     string    // reason VARCHAR
	ReturnedOn time.Time // returned_on DATE
}

// SampleReturn returns the return of an id between 1 and SampleReturns.
func SampleReturn(id int64) Return {
	return Return{
		ID:         id,
		OrderID:    id * 20,
		Reason:     [...]string{"late", "broken", "wrong", "unwanted"}[id%4],
		ReturnedOn: time.Date(2024, 2, 1+int(id%366), 0, 0, 0, 0, time.UTC),
	}
}
