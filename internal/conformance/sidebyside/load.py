"""The load of load.go with the public connector.

    python load.py threads|processes HOST PORT SECONDS

It connects, prints ready, waits for a line, runs the load, and prints its report as JSON. Each of
the 16 workers has a connection of its own; with processes, four have four each.
"""
import json
import multiprocessing
import queue
import sys
import threading
import time

WORKERS = 16
PROCESSES = 4


def connect(host, port):
    from e6data_python_connector import Connection
    return Connection(host=host, port=port, username='user@example.com', password='token', catalog='demo', database='sales')


def one(connection, i):
    if i % 8 == 7:
        first, want = i * 7919 % 900000 + 1, 5000
        sql = 'SELECT order_id FROM orders WHERE order_id BETWEEN %d AND %d ORDER BY order_id' % (first, first + want - 1)
    else:
        first, want = i * 31 % 10000 + 1, 1
        sql = 'SELECT customer_id, name FROM customers WHERE customer_id = %d' % first
    record = {'began': time.time_ns(), 'rows': 0}
    begin = time.perf_counter_ns()
    try:
        cursor = connection.cursor()
        cursor.execute(sql)
        rows = cursor.fetchall() or []
        cursor.clear()
        record['rows'] = len(rows)
        if want == 1:
            right = [list(r) for r in rows] == [[first, 'Customer %05d' % first]]
        else:
            right = [r[0] for r in rows] == list(range(first, first + want))
        if not right:
            record['wrong'] = True
    except Exception as error:
        record['error'] = '%s: %s' % (type(error).__name__, str(error)[:300])
    record['took'] = time.perf_counter_ns() - begin
    return record


def peak():
    with open('/proc/self/status') as status:
        for line in status:
            if line.startswith('VmHWM:'):
                return int(line.split()[1])
    return 0


def run(host, port, seconds, workers, ready, go):
    """Runs some workers, each a thread, and returns their report."""
    connections = [connect(host, port) for _ in workers]
    ready()
    go()
    end = time.time() + seconds
    records = []

    def work(connection, i):
        while time.time() < end:
            records.append(one(connection, i))
            i += 1
    threads = [threading.Thread(target=work, args=a) for a in zip(connections, workers)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return {'queries': records, 'peak_kib': peak()}


def child(host, port, seconds, workers, ready, go, reports):
    try:
        reports.put(run(host, port, seconds, workers, ready.release, go.wait))
    except BaseException as error:  # without it the parent would wait
        reports.put({'error': '%s: %s' % (type(error).__name__, str(error)[:300])})
        raise


def wait(children, take):
    """Returns what take gets, and ends the program if a child has ended without it."""
    while True:
        try:
            return take(timeout=1)
        except queue.Empty:
            failed = [c.exitcode for c in children if c.exitcode]
            if failed:
                sys.exit('a process of the load ended with %s' % failed)


def main():
    kind, host, port, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    if kind == 'threads':
        report = run(host, port, seconds, range(WORKERS), lambda: print('ready', flush=True), sys.stdin.readline)
    else:
        context = multiprocessing.get_context('spawn')
        ready, go, reports = context.Semaphore(0), context.Event(), context.Queue()

        def connected(timeout):
            if not ready.acquire(timeout=timeout):
                raise queue.Empty
        each = WORKERS // PROCESSES
        children = [context.Process(target=child, args=(host, port, seconds, range(p * each, (p + 1) * each), ready, go, reports), daemon=True)
                    for p in range(PROCESSES)]
        for c in children:
            c.start()
        for _ in children:
            wait(children, connected)
        print('ready', flush=True)
        sys.stdin.readline()
        go.set()
        parts = [wait(children, reports.get) for _ in children]
        for part in parts:
            if 'error' in part:
                sys.exit(part['error'])
        for c in children:
            c.join()
        report = {'queries': sum((p['queries'] for p in parts), []), 'peak_kib': peak() + sum(p['peak_kib'] for p in parts)}
    print(json.dumps(report), flush=True)


if __name__ == '__main__':
    main()
