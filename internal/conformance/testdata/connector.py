"""Runs the public connector against an emulator, and prints a JSON line for each case.

    python connector.py OPTIONS

OPTIONS is a JSON object: api is sync or async, admin is the address of the emulator's admin
interface, connect has the arguments of a connection, and stale_token_url, over OAuth, is where the first
token is one that the emulator rejects. A case has a name, and the values that it got as text, or the error that
it raised.
"""
import asyncio
import json
import sys
import threading
import time
import urllib.request

CATALOG = 'demo'  # the emulator's sample data
PATIENCE = 60  # seconds that a case waits for what must happen

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


def case(name, run, sql=''):
    try:
        print(json.dumps({'case': name, 'sql': sql, 'values': run()}), flush=True)
    except Exception as error:  # it is the result
        print(json.dumps({'case': name, 'sql': sql, 'error': describe(error)}), flush=True)


def describe(error):
    """An error with the gRPC status that caused it."""
    cause = error
    while cause is not None and not hasattr(cause, 'code'):
        cause = cause.__cause__
    if cause is None:
        return '%s: %s' % (type(error).__name__, str(error)[:300])
    return '%s: %s %s' % (type(error).__name__, cause.code(), cause.details())


class Client:
    """The connector with the API of a thread that waits.

    Both APIs have the same methods; those of the other one return coroutines. do returns the
    value of a call of either.
    """

    def __init__(self, options):
        self.options = options
        self.arguments = dict(options['connect'], catalog=CATALOG, database='sales')

    def do(self, value):
        return value

    def open(self, **changes):
        from e6data_python_connector import Connection
        return Connection(**dict(self.arguments, **changes))

    def cursor(self, connection):
        return connection.cursor()

    def admin(self, path, method='POST'):
        request = urllib.request.Request('http://%s/%s' % (self.options['admin'], path), method=method)
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.read()

    def rows(self, connection, sql):
        cursor = self.cursor(connection)
        self.do(cursor.execute(sql))
        rows = self.do(cursor.fetchall())
        self.do(cursor.clear())
        return [[text(v) for v in row] for row in rows or []]

    def fresh(self, sql='SELECT 1', **changes):
        """The rows that a new connection gets."""
        connection = self.open(**changes)
        try:
            return self.rows(connection, sql)
        finally:
            self.do(connection.close())

    def many(self, connection):
        cursor = self.cursor(connection)
        self.do(cursor.execute('SELECT order_id FROM orders ORDER BY order_id LIMIT 5000'))
        got = []
        while True:
            rows = self.do(cursor.fetchmany(700))
            if not rows:
                break
            got += [r[0] for r in rows]
        self.do(cursor.clear())
        return [[str(len(got)), str(got == list(range(1, 5001)))]]

    def begun(self, connection):
        cursor = self.cursor(connection)
        self.do(cursor.execute('SELECT order_id FROM orders ORDER BY order_id LIMIT 5000'))
        first = self.do(cursor.fetchmany(10))
        rest = self.do(cursor.fetchall())
        self.do(cursor.clear())
        return [[str(len(first)), str(len(rest))]]

    def explain(self, connection):
        cursor = self.cursor(connection)
        self.do(cursor.execute('SELECT count(*) FROM orders'))
        plan = self.do(cursor.explain())
        self.do(cursor.clear())
        return [[str(len(plan) > 0)]]

    def analyse(self, connection):
        cursor = self.cursor(connection)
        self.do(cursor.execute('SELECT count(*) FROM orders'))
        self.do(cursor.fetchall())
        plan = self.do(cursor.explain_analyse())
        self.do(cursor.clear())
        return [sorted(plan)]

    def status(self, connection):
        cursor = self.cursor(connection)
        query_id = self.do(cursor.execute('SELECT 1'))
        answer = self.do(cursor.status(query_id))
        self.do(cursor.fetchall())
        self.do(cursor.clear())
        return [[str(answer.status), str(answer.rowCount)]]

    LONG = 'SELECT count(*) FROM orders a, orders b WHERE a.amount < b.amount'

    def cancel(self, connection):
        cursor = self.cursor(connection)
        seen = []

        def long():
            try:
                cursor.execute(self.LONG)
                cursor.fetchall()
                seen.append('finished')
            except Exception as error:
                seen.append(describe(error))
        thread = threading.Thread(target=long, daemon=True)
        thread.start()
        late = time.time() + PATIENCE
        while not cursor.query_id and time.time() < late:
            time.sleep(0.05)
        time.sleep(0.5)
        cursor.cancel(cursor.query_id)
        thread.join(PATIENCE)
        return [seen]

    def pool(self):
        from e6data_python_connector.connection_pool import ConnectionPool
        pool = ConnectionPool(min_size=2, max_size=4, max_overflow=0, timeout=PATIENCE, **self.arguments)
        seen = []

        def work(i):
            with pool.get_connection_context() as leased:
                cursor = leased.connection.cursor()
                cursor.execute('SELECT %d' % i)
                seen.append(str(cursor.fetchall()[0][0]))
                cursor.clear()
        threads = [threading.Thread(target=work, args=[i], daemon=True) for i in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(PATIENCE)
        pool.close_all()
        return [sorted(seen)]

    def alchemy(self):
        import sqlalchemy
        engine = sqlalchemy.create_engine('e6data://%s:%d/?schema=sales&catalog=%s' % (
            self.arguments['host'], self.arguments['port'], CATALOG), connect_args=self.arguments)
        try:
            with engine.connect() as c:
                return [[text(v) for v in row] for row in c.execute(sqlalchemy.text(self.ALCHEMY))]
        finally:
            engine.dispose()

    ALCHEMY = 'SELECT customer_id, name FROM customers ORDER BY customer_id LIMIT 3'

    def cutover(self, connection, kind):
        """A cutover to the other side, between two queries of an open connection."""
        status = json.loads(self.admin('status', 'GET'))
        to = 'green' if status['active'] == 'blue' else 'blue'
        self.admin('cutover?to=%s&kind=%s' % (to, kind) + ('&grace=1s' if kind == 'graceful' else ''))
        during = self.rows(connection, 'SELECT 1') if kind == 'graceful' else []
        late = time.time() + PATIENCE
        while json.loads(self.admin('status', 'GET'))['cutover']['state'] == 'running' and time.time() < late:
            time.sleep(0.05)
        return during + self.rows(connection, 'SELECT 2')

    def resumes(self, run):
        self.admin('suspend')
        try:
            return run()
        finally:
            self.admin('resume')

    def refused(self, **changes):
        """The error of a new connection."""
        try:
            return self.fresh(**changes)
        except Exception as error:
            return [[describe(error)]]

    def run(self):
        connection = self.open()
        case('connect', lambda: [[str(connection.check_connection())]])
        case('dry run', lambda: [[self.do(connection.dry_run('SELECT 1'))[:20]]])
        case('catalogs', lambda: [[str(c['name']), text(c['isDefault'])] for c in self.do(connection.get_catalogs())])
        case('schemas', lambda: [sorted(self.do(connection.get_schema_names(CATALOG)))])
        case('tables', lambda: [sorted(self.do(connection.get_tables(CATALOG, 'sales')))])
        case('columns', lambda: [[c['fieldName'], c['fieldType']] for c in self.do(connection.get_columns(CATALOG, 'sales', 'customers'))])
        for name, sql in STATEMENTS.items():
            case('query: ' + name, lambda: self.rows(connection, sql), sql)
        case('fetchmany', lambda: self.many(connection))
        case('fetchall after fetchmany', lambda: self.begun(connection))
        case('explain', lambda: self.explain(connection))
        case('explain analyse', lambda: self.analyse(connection))
        case('status', lambda: self.status(connection))
        case('SQLAlchemy', self.alchemy)
        case('pool', self.pool)
        case('cancel', lambda: self.cancel(connection))
        case('auto-resume, a new connection', lambda: self.resumes(self.fresh))
        case('auto-resume, an open connection', lambda: self.resumes(lambda: self.rows(connection, 'SELECT 1')))
        if 'stale_token_url' in self.options:
            case('a rejected token', lambda: self.fresh(token_url=self.options['stale_token_url']))
            case('a wrong client secret', lambda: self.refused(client_secret='wrong'))
        case('a graceful cutover, an open connection', lambda: self.cutover(connection, 'graceful'))
        case('green active, a new connection', self.fresh)
        case('an abrupt cutover, an open connection', lambda: self.cutover(connection, 'abrupt'))
        self.do(connection.close())


class AsyncClient(Client):
    """The connector with asyncio."""

    def __init__(self, options):
        super().__init__(options)
        self.loop = asyncio.new_event_loop()

    def do(self, value):
        return self.loop.run_until_complete(asyncio.wait_for(value, PATIENCE))

    def open(self, **changes):
        from e6data_python_connector import aio
        return self.do(aio.connect(**dict(self.arguments, **changes)))

    def cursor(self, connection):
        async def make():  # it wants a running loop
            return connection.cursor()
        return self.do(make())

    def cancel(self, connection):
        async def both():
            cursor = connection.cursor()
            long = asyncio.create_task(cursor.execute(self.LONG))
            while not cursor.query_id:
                await asyncio.sleep(0.05)
            await asyncio.sleep(0.5)
            await connection.query_cancel(None, cursor.query_id)
            try:
                await long
                return 'finished'
            except Exception as error:
                return describe(error)
            finally:
                await cursor.close()
        return [[self.do(both())]]

    def pool(self):
        from e6data_python_connector.async_connection_pool import AsyncConnectionPool

        async def all_of_them():
            async with AsyncConnectionPool(min_size=0, max_size=4, max_overflow=0, timeout=PATIENCE, **self.arguments) as pool:
                async def work(i):
                    async with pool.get_connection_context() as lease:
                        async with lease.cursor() as cursor:
                            await cursor.execute('SELECT %d' % i)
                            return str((await cursor.fetchall())[0][0])
                return sorted(await asyncio.gather(*(work(i) for i in range(8))))
        return [self.do(all_of_them())]

    def alchemy(self):
        import sqlalchemy
        from sqlalchemy.ext.asyncio import create_async_engine

        async def select():
            engine = create_async_engine('e6data+asyncio://', connect_args=self.arguments)
            try:
                async with engine.connect() as c:
                    return [[text(v) for v in row] for row in await c.execute(sqlalchemy.text(self.ALCHEMY))]
            finally:
                await engine.dispose()
        return self.do(select())


# The decoder of V2 batches starts processes, which import this file.
if __name__ == '__main__':
    options = json.loads(sys.argv[1])
    (AsyncClient if options['api'] == 'async' else Client)(options).run()
