-- The sample data set. Every value follows from the number of its row by plain
-- arithmetic, so that a test can compute what a query has to return; sample.go
-- has the same formulas in Go.

CREATE TABLE customers AS
SELECT
  i                                                        AS customer_id,
  'Customer ' || lpad(i::VARCHAR, 5, '0')                  AS name,
  ['DE','FR','IN','JP','BR','US','KE','NZ'][1 + i % 8]     AS country,
  (i * 25)::DECIMAL(12,2)                                  AS credit_limit,
  DATE '2020-01-01' + (i % 1461)::INTEGER                  AS created_on
FROM range(1, 10001) t(i);

CREATE TABLE products AS
SELECT
  i::INTEGER                                               AS product_id,
  'Product ' || lpad(i::VARCHAR, 3, '0')                   AS name,
  ['tools','toys','books','food','music'][1 + i % 5]       AS category,
  ((100 + i * 37 % 9900) * 0.01::DECIMAL(3,2))::DECIMAL(10,2) AS price
FROM range(1, 501) t(i);

CREATE TABLE orders AS
SELECT
  i                                                        AS order_id,
  1 + i * 7919 % 10000                                     AS customer_id,
  (1 + i * 31 % 500)::INTEGER                              AS product_id,
  (1 + i % 9)::INTEGER                                     AS quantity,
  ((1 + i * 131 % 100000) * 0.01::DECIMAL(3,2))::DECIMAL(12,2) AS amount,
  ['new','paid','packed','sent','done'][1 + i % 5]         AS status,
  i % 10 <> 0                                              AS express,
  TIMESTAMP '2024-01-01 00:00:00' + to_seconds(i * 30)     AS ordered_at,
  CASE WHEN i % 100 = 0 THEN 'note ' || i END              AS note
FROM range(1, 1000001) t(i);

CREATE TABLE returns AS
SELECT
  i                                                        AS return_id,
  i * 20                                                   AS order_id,
  ['late','broken','wrong','unwanted'][1 + i % 4]          AS reason,
  DATE '2024-02-01' + (i % 366)::INTEGER                   AS returned_on
FROM range(1, 50001) t(i);

-- Every type that the protocol can carry: ordinary values, nulls, the lowest and
-- the highest ones.
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');

CREATE TABLE types (
  id             INTEGER,
  c_boolean      BOOLEAN,
  c_tinyint      TINYINT,
  c_smallint     SMALLINT,
  c_integer      INTEGER,
  c_bigint       BIGINT,
  c_ubigint      UBIGINT,
  c_hugeint      HUGEINT,
  c_float        FLOAT,
  c_double       DOUBLE,
  c_decimal_9    DECIMAL(9,2),
  c_decimal_18   DECIMAL(18,6),
  c_decimal_38   DECIMAL(38,10),
  c_varchar      VARCHAR,
  c_blob         BLOB,
  c_date         DATE,
  c_time         TIME,
  c_timestamp    TIMESTAMP,
  c_timestamptz  TIMESTAMPTZ,
  c_interval     INTERVAL,
  c_uuid         UUID,
  c_enum         mood,
  c_list         INTEGER[],
  c_array        DOUBLE[2],
  c_map          MAP(VARCHAR, INTEGER),
  c_struct       STRUCT(a INTEGER, b VARCHAR)
);

INSERT INTO types VALUES
(1, true, 1, 2, 3, 4, 5, 6, 1.5, 2.25, 1234567.89, 123456789012.345678,
  1234567890123456789012345678.0123456789, 'text', '\x00\x01\xFF'::BLOB,
  DATE '2024-02-29', TIME '12:34:56.789', TIMESTAMP '2024-02-29 12:34:56.789012',
  TIMESTAMPTZ '2024-02-29 12:34:56.789012+05:30', INTERVAL '1 year 2 months 3 days 04:05:06',
  '0123456f-89ab-cdef-0123-456789abcdef', 'happy', [1, NULL, 3], [0.5, -0.5],
  MAP {'one': 1, 'two': 2}, {'a': 1, 'b': 'x "y"'}),
(2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
  NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
(3, false, -128, -32768, -2147483648, -9223372036854775808, 0,
  -99999999999999999999999999999999999999, -1.5, -1e300, -9999999.99, -999999999999.999999,
  -9999999999999999999999999999.9999999999, '', ''::BLOB,
  DATE '0001-01-01', TIME '00:00:00', TIMESTAMP '1969-12-31 12:00:00',
  TIMESTAMPTZ '0001-01-01 00:00:00+00', INTERVAL '-1 month -04:05:06.5',
  '00000000-0000-0000-0000-000000000000', 'sad', [], [0, 0], MAP {}, {'a': NULL, 'b': NULL}),
(4, true, 127, 32767, 2147483647, 9223372036854775807, 18446744073709551615,
  99999999999999999999999999999999999999, 3.5, 1e300, 9999999.99, 999999999999.999999,
  9999999999999999999999999999.9999999999, 'Grüße, 世界 🌍', '\x7F'::BLOB,
  DATE '11756-12-31', TIME '23:59:59.999999', TIMESTAMP '11756-12-31 23:59:59.999999',
  TIMESTAMPTZ '9999-12-31 23:59:59.999999+00', INTERVAL '100 hours',
  'ffffffff-ffff-ffff-ffff-ffffffffffff', 'ok', [2147483647], [1e300, -1e300],
  MAP {'': 0}, {'a': 7, 'b': ''});
