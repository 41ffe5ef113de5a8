"""A plugin of pytest that prints a JSON line for each test, for suite_test.go.

It declares the option that the connector's own configuration of pytest declares, which its
source package lacks.
"""
import json
import sys

ended = {}


def pytest_addoption(parser):
    parser.addoption('--integration-config')


def pytest_runtest_logreport(report):
    if report.when == 'call' or report.outcome != 'passed':
        reason = ''
        if report.failed and report.longrepr is not None:
            reason = getattr(getattr(report.longrepr, 'reprcrash', None), 'message', '') or str(report.longrepr)
        if report.skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        ended[report.nodeid] = {'test': report.nodeid, 'outcome': report.outcome, 'reason': reason[:600]}


def pytest_sessionfinish():
    for line in ended.values():
        print('VERDICT ' + json.dumps(line), file=sys.__stdout__, flush=True)
