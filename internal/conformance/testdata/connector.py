"""Runs the public connector against an emulator, and prints a JSON line for each case.

    python connector.py HOST PORT

A case has a name, and the values that it got as text, or the error that it raised.
"""
import json
import sys
import threading
import time

from e6data_python_connector import Connection

HOST, PORT = sys.argv[1], int(sys.argv[2])
CATALOG = 'demo'  # the emulator's sample data

# The statements whose values the Go client reads too.
STATEMENTS = {
    'integers': "SELECT CAST(-128 AS TINYINT) AS a, CAST(32767 AS SMALLINT) AS b, CAST(-2147483648 AS INTEGER) AS c, CAST(9223372036854775807 AS BIGINT) AS d",
    'floats': "SELECT CAST(1.5 AS FLOAT) AS a, CAST(-2.25 AS DOUBLE) AS b",
    'decimals': "SELECT CAST(12.50 AS DECIMAL(10,2)) AS a, CAST(-0.001 AS DECIMAL(10,3)) AS b",
    'decimal of 38 digits': "SELECT CAST('12345678901234567890123456789012345.678' AS DECIMAL(38,3)) AS a",
    'booleans': "SELECT true AS a, false AS b",
    'text': "SELECT 'Ann' AS a, '' AS b, 'Grüße 😀' AS c",
    'date': "SELECT DATE '2024-02-29' AS a, DATE '1969-12-31' AS b",
    'timestamp': "SELECT TIMESTAMP '2024-02-29 12:34:56' AS a",
    'timestamp with microseconds': "SELECT TIMESTAMP '2024-02-29 12:34:56.123456' AS a",
    'timestamp before 1970': "SELECT TIMESTAMP '1969-12-31 12:00:00' AS a",
    'nulls': "SELECT CAST(NULL AS INTEGER) AS a, CAST(NULL AS VARCHAR) AS b, CAST(NULL AS DATE) AS c, CAST(NULL AS DECIMAL(10,2)) AS d",
    'list': "SELECT [1, 2, 3] AS a",
    'rows': "SELECT customer_id, name, country FROM customers ORDER BY customer_id LIMIT 2500",
    'every type': "SELECT * FROM types ORDER BY 1",
    'functions': "SELECT timestamp_add('year', 2, DATE '2024-02-29') AS a, trunc(TIMESTAMP '2024-02-29 12:34:56', 'MM') AS b, "
                 "date_format(TIMESTAMP '2024-02-29 12:34:56', '%Y-%m-01') AS c, from_unixtime(1609459200) AS d, "
                 "to_timestamp('2023-01-01 12:00:00', 'YYYY-MM-DD HH24:MI:SS') AS e",
    'no rows': "SELECT customer_id FROM customers WHERE customer_id < 0",
}


def text(value):
    """A value as the Go test compares it."""
    if value is None:
        return None
    if isinstance(value, bool):
        return 'true' if value else 'false'
    return str(value)


def connect(**more):
    return Connection(host=HOST, port=PORT, username='user@example.com', password='token', catalog=CATALOG, database='sales', **more)


def case(name, run, sql=''):
    try:
        print(json.dumps({'case': name, 'sql': sql, 'values': run()}), flush=True)
    except Exception as error:  # it is the result
        print(json.dumps({'case': name, 'sql': sql, 'error': '%s: %s' % (type(error).__name__, str(error)[:300])}), flush=True)


def query(sql):
    def run():
        cursor = connection.cursor()
        cursor.execute(sql)
        rows = cursor.fetchall()
        cursor.clear()
        return [[text(v) for v in row] for row in rows or []]
    return run


def many():
    cursor = connection.cursor()
    cursor.execute('SELECT order_id FROM orders ORDER BY order_id LIMIT 5000')
    got = []
    while True:
        rows = cursor.fetchmany(700)
        if not rows:
            break
        got += [r[0] for r in rows]
    cursor.clear()
    return [[str(len(got)), str(got == list(range(1, 5001)))]]


def explain():
    cursor = connection.cursor()
    cursor.execute('SELECT count(*) FROM orders')
    plan = cursor.explain()
    return [[str(len(plan) > 0)]]


def analyse():
    cursor = connection.cursor()
    cursor.execute('SELECT count(*) FROM orders')
    cursor.fetchall()
    plan = cursor.explain_analyse()
    return [sorted(plan)]


def status():
    cursor = connection.cursor()
    query_id = cursor.execute('SELECT 1')
    cursor.fetchall()
    answer = cursor.status(query_id)
    return [[str(answer.status), str(answer.rowCount)]]


def cancel():
    cursor = connection.cursor()
    seen = []

    def long():
        try:
            cursor.execute('SELECT count(*) FROM orders a, orders b WHERE a.amount < b.amount')
            cursor.fetchall()
            seen.append('finished')
        except Exception as error:
            seen.append(type(error).__name__ + ' ' + str(getattr(error, 'code', lambda: '')()))
    thread = threading.Thread(target=long, daemon=True)
    thread.start()
    late = time.time() + 20
    while not cursor.query_id and time.time() < late:
        time.sleep(0.05)
    time.sleep(0.5)
    cursor.cancel(cursor.query_id)
    thread.join(20)
    return [seen]


def alchemy():
    import sqlalchemy
    engine = sqlalchemy.create_engine('e6data://user%%40example.com:token@%s:%d/?schema=sales&catalog=%s' % (HOST, PORT, CATALOG))
    with engine.connect() as c:
        return [[text(v) for v in row] for row in c.execute(sqlalchemy.text('SELECT customer_id, name FROM customers ORDER BY customer_id LIMIT 3'))]


connection = connect()
case('connect', lambda: [[str(connection.check_connection())]])
for name, sql in STATEMENTS.items():
    case('query: ' + name, query(sql), sql)
case('fetchmany', many)
case('catalogs', lambda: [[str(c['name']), text(c['isDefault'])] for c in connection.get_catalogs()])
case('schemas', lambda: [sorted(connection.get_schema_names(CATALOG))])
case('tables', lambda: [sorted(connection.get_tables(CATALOG, 'sales'))])
case('columns', lambda: [[c['fieldName'], c['fieldType']] for c in connection.get_columns(CATALOG, 'sales', 'customers')])
case('explain', explain)
case('explain analyse', analyse)
case('status', status)
case('dry run', lambda: [[connection.dry_run('SELECT 1')[:20]]])
case('SQLAlchemy', alchemy)
case('cancel', cancel)
connection.close()
