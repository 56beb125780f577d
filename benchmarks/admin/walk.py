"""Visits every page of the site, then those of the stock admin that show the same."""

from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain

from django.test import override_settings
from tqdm import tqdm

from benchmarks.admin import stock
from benchmarks.admin.details import add_page, offered, pages_of_rows, site_pages
from benchmarks.admin.lists import pages_of_list
from benchmarks.admin.report import Result, Times
from benchmarks.admin.visits import PATIENCE, Failed, Page, Visitor, logged_in, statement_timeout


def walk(options: Namespace) -> Iterator[Result]:
    """Yield what each page took, table by table."""
    with visiting() as visitor:
        stock.register_all()
        for area, pages in areas(visitor, options.only):
            asked = [page for page in distinct(pages) if options.pages in f"{page.title} {page.address}"]
            bar = tqdm(asked, desc=area, disable=None)
            results = [_measure(visitor, page, options) for page in bar]
            for _ in range(options.rounds - 1):
                results = [_again(visitor, result, options) for result in results]
            yield from _with_stock(visitor, results, options.stock_runs) if options.stock_runs else results


@contextmanager
def visiting() -> Iterator[Visitor]:
    """Return the browser of a superuser to whom the site is open, as it is in production."""
    with (
        override_settings(ROOT_URLCONF="benchmarks.admin.urls", DEBUG=False, ALLOWED_HOSTS=["localhost"]),
        logged_in() as visitor,
    ):
        yield visitor


def areas(visitor: Visitor, only: str = "") -> Iterator[tuple[str, Iterator[Page]]]:
    """Yield the site and the tables with `only` in their names, and the pages of each, which are found on the way."""
    if only in "site":
        yield "site", site_pages(visitor)
    for model, model_admin in offered().items():
        if only in model._meta.label:
            pages = (pages_of_list(visitor, model_admin), add_page(model_admin), pages_of_rows(visitor, model_admin))
            yield model._meta.label, chain.from_iterable(pages)


def distinct(pages: Iterator[Page]) -> Iterator[Page]:
    """Yield each page once."""
    seen = set()
    for page in pages:
        if (key := (page.address, page.data, page.before)) not in seen:
            seen.add(key)
            yield page


def _measure(visitor: Visitor, page: Page, options: Namespace) -> Result:
    try:
        times = visitor.times(page, warm=options.warm, runs=options.runs)
        return Result(page, Times.of(times), visitor.queries(page))
    except Failed as failed:
        return Result(page, Times(failure=str(failed)), 0)


def _again(visitor: Visitor, result: Result, options: Namespace) -> Result:
    """Return the better of this result and a further one, for a page that came too late."""
    if result.ours.failure or result.is_within(options.bound):
        return result
    further = _measure(visitor, result.page, options)
    better = result if not further.ours.failure and result.ours.p95 <= further.ours.p95 else further
    return replace(better, rounds=result.rounds + 1)


def _with_stock(visitor: Visitor, results: list[Result], runs: int) -> list[Result]:
    with statement_timeout(PATIENCE), override_settings(TEMPLATES=stock.TEMPLATES):
        return [_beside(visitor, result, runs) for result in tqdm(results, desc="the same, stock", disable=None)]


def _beside(visitor: Visitor, result: Result, runs: int) -> Result:
    if result.page.stock is None:
        return result
    try:
        times = visitor.times(replace(result.page, address=result.page.stock), warm=1, runs=runs)
        return replace(result, stock=Times.of(times))
    except Failed as failed:
        return replace(result, stock=Times(failure=str(failed)))
