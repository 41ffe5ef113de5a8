package main

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/sqldriver"
	"github.com/e6data/e6data-go/e6/vector"
	"github.com/e6data/e6data-go/emulator"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open opens GORM on an emulator.
func open(t *testing.T, opts emulator.Options, driver ...sqldriver.Option) *gorm.DB {
	t.Helper()
	em, err := emulator.Start(opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, em.Close()) })
	connector, err := sqldriver.NewConnector(e6.Config{Address: em.Addr(), User: "me@example.com", Token: "any-token",
		Catalog: emulator.SampleCatalog, Schema: emulator.SampleSchema}, driver...)
	require.NoError(t, err)
	pool := sql.OpenDB(connector)
	t.Cleanup(func() { require.NoError(t, pool.Close()) })
	db, err := gorm.Open(Dialector{pool}, &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	return db.WithContext(t.Context())
}

// thing has a field of every kind that GORM knows.
type thing struct {
	ID      int64 `gorm:"primaryKey;autoIncrement:false"`
	On      bool
	Tiny    int8
	Small   uint16
	Int     int32
	Big     uint32
	Float   float64
	Text    *string
	Bytes   []byte
	When    time.Time
	Exact   vector.Decimal `gorm:"type:DECIMAL(38,2)"`
	Default string         `gorm:"default:lower('AS MADE')"`
	Odd     string         `gorm:"column:an \"odd\" name"`
}

func TestGorm_ReadsWhatItWrote(t *testing.T) {
	db := open(t, emulator.Options{NoSample: true})
	require.NoError(t, db.Migrator().CreateTable(&thing{}))
	exact, err := vector.ParseDecimal("123456789012345678901234567890123456.78")
	require.NoError(t, err)
	all := []thing{
		{1, true, -128, 65535, -2147483648, 4294967295, 1e300, new(`it's \ "here" ?`), []byte{0, 255, '\''},
			time.Date(1969, 7, 20, 20, 17, 40, 123_456_000, time.UTC), exact, "other", ":name @name"},
		{ID: 2, When: time.Unix(0, 0).UTC(), Exact: exact, Bytes: []byte{}, Default: "x"},
	}
	require.NoError(t, db.Create(&all).Error)
	var got []thing
	require.NoError(t, db.Order("id").Find(&got).Error)
	require.Equal(t, all, got)
	require.NoError(t, db.Create([]thing{{ID: 3}, {ID: 4, Default: "given"}}).Error)
	var third thing
	require.NoError(t, db.Take(&third, 3).Error)
	require.Equal(t, "as made", third.Default)
	require.NoError(t, db.Migrator().DropTable(&thing{}))
	require.ErrorAs(t, db.Find(&got).Error, new(*e6.QueryError))
}

func TestGorm_UpdatesAndDeletesRows(t *testing.T) {
	db := open(t, emulator.Options{NoSample: true})
	require.NoError(t, db.Migrator().CreateTable(&Remark{}))
	require.NoError(t, db.CreateInBatches([]Remark{{1, 10, "a"}, {2, 20, "b"}, {3, 30, "c"}, {4, 40, "d"}, {5, 50, "e"}}, 2).Error)
	require.NoError(t, db.Model(&Remark{ID: 1}).Updates(map[string]any{"text": "z", "order_id": gorm.Expr("order_id + ?", 1)}).Error)
	require.NoError(t, db.Where("order_id > ?", 30).Delete(&Remark{}).Error)
	require.ErrorIs(t, db.Delete(&Remark{}).Error, gorm.ErrMissingWhereClause)
	var got []Remark
	require.NoError(t, db.Order("id").Find(&got).Error)
	require.Equal(t, []Remark{{1, 11, "z"}, {2, 20, "b"}, {3, 30, "c"}}, got)
}

func TestGorm_QueriesReturnTheExpectedRows(t *testing.T) {
	db := open(t, emulator.Options{})
	var count int64
	require.NoError(t, db.Model(&Order{}).Where("order_id <= ?", 1000).Distinct("status").Count(&count).Error)
	require.EqualValues(t, 5, count)
	var statuses []string
	require.NoError(t, db.Model(&Order{}).Where("order_id <= ?", 1000).Group("status").Having("min(order_id) > ?", 2).Order("status").Pluck("status", &statuses).Error)
	require.Equal(t, []string{"done", "new", "sent"}, statuses)

	var orders []Order
	require.NoError(t, db.Preload("Customer").Where("order_id IN (?)", db.Model(&Order{}).Select("order_id").Where("order_id BETWEEN ? AND ?", 99, 101)).
		Order(clause.OrderByColumn{Column: clause.Column{Name: "order_id"}, Desc: true}).Find(&orders).Error)
	require.Len(t, orders, 3)
	for i, o := range orders {
		want := emulator.SampleOrder(int64(101 - i))
		require.Equal(t, want.ID, o.OrderID)
		require.Equal(t, emulator.SampleCustomer(want.CustomerID).Name, o.Customer.Name)
		require.Equal(t, want.Note != "", o.Note != nil)
	}
	require.ErrorIs(t, db.First(&Order{}, -1).Error, gorm.ErrRecordNotFound)

	seen := 0
	var batch []Customer
	require.NoError(t, db.Where("customer_id <= ?", 250).FindInBatches(&batch, 100, func(*gorm.DB, int) error { seen += len(batch); return nil }).Error)
	require.Equal(t, 250, seen)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, db.WithContext(ctx).First(&Order{}).Error, context.Canceled)
}

func TestGorm_RefusesUnsupportedOperations(t *testing.T) {
	db := open(t, emulator.Options{NoSample: true})
	require.ErrorIs(t, db.AutoMigrate(&Remark{}), errMigrate)
	require.NoError(t, db.Migrator().CreateTable(&Remark{}))
	require.NoError(t, db.Create(&Remark{1, 10, "a"}).Error)
	require.ErrorIs(t, db.Save(&Remark{1, 10, "b"}).Error, errUpsert, "which would insert it again")
	require.ErrorIs(t, db.Clauses(clause.OnConflict{DoNothing: true}).Create(&Remark{2, 20, "c"}).Error, errUpsert)
	require.ErrorIs(t, db.Transaction(func(*gorm.DB) error { return nil }), sqldriver.ErrTransactions)
	require.ErrorIs(t, db.Begin().Error, sqldriver.ErrTransactions)
	var got []Remark
	require.NoError(t, db.Find(&got).Error)
	require.Equal(t, []Remark{{1, 10, "b"}}, got, "Save has updated it first")
}

func TestGorm_AReadOnlyTransactionReads(t *testing.T) {
	db := open(t, emulator.Options{NoSample: true}, sqldriver.WithReadOnlyTransactions())
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
		var n int
		require.NoError(t, tx.Raw("SELECT ?", 42).Scan(&n).Error)
		require.Equal(t, 42, n)
		return nil
	}, &sql.TxOptions{ReadOnly: true}))
}

func TestGorm_ExplainHasTheValues(t *testing.T) {
	db := open(t, emulator.Options{NoSample: true})
	text := db.ToSQL(func(tx *gorm.DB) *gorm.DB {
		return tx.Table(`demo.sales.od"d`).Where("a = ? AND b = ?", 1, "it's").Find(&[]map[string]any{})
	})
	require.Equal(t, `SELECT * FROM "demo"."sales"."od""d" WHERE a = 1 AND b = 'it''s'`, text)
}
