package main

import (
	"time"

	"github.com/e6data/e6data-go/e6/vector"
)

// Customer is a row of the sample data.
type Customer struct {
	CustomerID  int64 `gorm:"primaryKey"`
	Name        string
	Country     string
	CreditLimit vector.Decimal
	CreatedOn   time.Time
}

// Order is another, which belongs to a customer.
type Order struct {
	OrderID    int64 `gorm:"primaryKey"`
	CustomerID int64
	Customer   Customer       `gorm:"references:CustomerID"`
	Amount     vector.Decimal `gorm:"type:DECIMAL(12,2)"`
	Status     string
	OrderedAt  time.Time
	Note       *string
}

// Remark is a row of a table of our own. Its ids are ours too.
type Remark struct {
	ID      int64 `gorm:"primaryKey;autoIncrement:false"`
	OrderID int64
	Text    string
}

// Sum is a row of a report.
type Sum struct {
	Status string
	Orders int64
	Total  vector.Decimal
}
