"""`until`: a wait in a page for what it only tells by a promise.

Playwright's `wait_for_function` takes a promise for an answer of yes, whatever it becomes.
"""

from __future__ import annotations

from playwright.sync_api import Page


def until(page: Page, predicate: str, argument: object = None) -> None:
    """Wait until a function of the page says yes; the limit is that of the test.

    Args:
        page: The page.
        predicate: The function, asynchronous or not, as JavaScript.
        argument: What it is given.
    """
    page.evaluate(
        f"async argument => {{ while (!(await ({predicate})(argument))) await new Promise(d => setTimeout(d, 20)); }}",
        argument,
    )
