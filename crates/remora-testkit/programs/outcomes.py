"""A pytest plugin that writes each test's outcome to the file that REMORA_OUTCOMES names: outcome, a tab, the test."""

import os


def pytest_runtest_logreport(report):
    # A test's own call decides, unless it never came to that.
    if report.when == "call" or report.outcome != "passed":
        outcome = "xfailed" if hasattr(report, "wasxfail") else report.outcome
        with open(os.environ["REMORA_OUTCOMES"], "a") as file:
            file.write(f"{outcome}\t{report.nodeid}\n")
