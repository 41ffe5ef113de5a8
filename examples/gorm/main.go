// Gorm shows an ORM over the driver for database/sql: conditions, joins, pages and
// sums, rows that are written, and a cutover that GORM does not notice. The exit
// status is 0 if no call failed and no customer was wrong during the cutover.
package main

import (
	"context"
	"database/sql"
	"fmt"
	"log"
	"sync"
	"sync/atomic"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/sqldriver"
	"github.com/e6data/e6data-go/emulator"
)

func check(err error) {
	if err != nil {
		log.Fatal("gorm: ", err)
	}
}

func main() {
	ctx := context.Background()
	time.AfterFunc(time.Minute, func() { log.Fatal("gorm: it took too long") })
	em, err := emulator.Start(emulator.Options{})
	check(err)
	connector, err := sqldriver.NewConnector(e6.Config{Address: em.Addr(), User: "me@example.com", Token: "any-token",
		Catalog: emulator.SampleCatalog, Schema: emulator.SampleSchema})
	check(err)
	pool := sql.OpenDB(connector)
	db, err := gorm.Open(Dialector{pool}, &gorm.Config{Logger: logger.Discard}) // the errors are all returned
	check(err)

	var rich []Customer
	check(db.Where("country = ? AND credit_limit > ?", "DE", 249_000).Order("credit_limit DESC").Limit(3).Find(&rich).Error)
	for _, c := range rich {
		fmt.Printf("%-14s  %s  %10s  since %s\n", c.Name, c.Country, c.CreditLimit, c.CreatedOn.Format(time.DateOnly))
	}
	var count int64
	check(db.Model(&Order{}).Where(&Order{Status: "new"}).Where("note IS NOT NULL").Count(&count).Error)
	fmt.Printf("%d orders are new and have a note; page 3 of them, with their customers:\n", count)
	var page []Order
	check(db.Joins("Customer").Where("status IN ? AND note IS NOT NULL", []string{"new", "lost"}).Order("order_id").Offset(20).Limit(2).Find(&page).Error)
	for _, o := range page {
		fmt.Printf("  order %d: %s of %s, %q\n", o.OrderID, o.Amount, o.Customer.Name, *o.Note)
	}
	fmt.Println("the first 1000 orders:")
	var sums []Sum
	check(db.Raw("SELECT status, count(*) AS orders, sum(amount) AS total FROM orders WHERE order_id <= @most GROUP BY status ORDER BY 1",
		sql.Named("most", 1000)).Scan(&sums).Error)
	for _, s := range sums {
		fmt.Printf("  %-6s  %4d orders  %10s\n", s.Status, s.Orders, s.Total)
	}

	check(db.Migrator().CreateTable(&Remark{}))
	check(db.Create(&Remark{1, 100, `it's "here"`}).Error)
	check(db.Create([]Remark{{2, 200, `C:\new`}, {3, 300, "where?"}}).Error)
	check(db.Model(&Remark{ID: 3}).Update("text", "there!").Error)
	check(db.Delete(&Remark{ID: 1}).Error)
	var left []Remark
	check(db.Order("id").Find(&left).Error)
	fmt.Printf("written, changed and deleted; what is left: %+v\n", left)
	fmt.Printf("a transaction is refused: %v\n", db.Transaction(func(*gorm.DB) error { return nil }))

	fmt.Println("8 goroutines read customers, and the cluster cuts over to green:")
	var calls, failed, wrong atomic.Int64
	work, end := context.WithCancel(ctx)
	var running sync.WaitGroup
	for range 8 {
		running.Go(func() {
			for work.Err() == nil {
				want := emulator.SampleCustomer(1 + calls.Add(1)*997%emulator.SampleCustomers)
				var got Customer
				if db.First(&got, want.ID).Error != nil {
					failed.Add(1)
				} else if got.Name != want.Name || got.Country != want.Country || !got.CreatedOn.Equal(want.CreatedOn) {
					wrong.Add(1)
				}
			}
		})
	}
	check(em.Cluster().Cutover(ctx, e6test.Cutover{To: e6.Green, Kind: e6test.Graceful, Grace: time.Second}))
	end()
	running.Wait()
	client, err := connector.Client(ctx)
	check(err)
	fmt.Printf("queries=%d failed=%d wrong=%d side=%s\n", calls.Load(), failed.Load(), wrong.Load(), client.Strategy().Active)
	if failed.Load()+wrong.Load() > 0 {
		log.Fatal("gorm: the cutover was noticed")
	}
	check(pool.Close())
	check(em.Close())
}
