"""The databases that the tests of one process use: lent, taken back, recycled or replaced."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from assay.config import DatabaseUrl, Settings
from assay.errors import ResourceError, ServerError
from assay.testing.background import Background
from assay.testing.places import Place, find_place
from assay.testing.probe import Original
from assay.testing.recipe import Recipe, read_recipe
from assay.testing.recycling import Recycler, learn
from assay.testing.site import Site

_DISK_FULL = "53100"

Environments = tuple[str, ...] | None


@dataclass(eq=False, slots=True)
class Lent:
    """A database that a test has to itself, or that tests share who roll back what they do."""

    url: DatabaseUrl
    site: Site
    stock: Stock
    recycler: Recycler | None
    kept: bool = False

    @property
    def name(self) -> str:
        """Of the database."""
        return self.url.database or ""

    @property
    def is_shared(self) -> bool:
        """Whether other tests use it too."""
        return self.stock.shared is self


@dataclass(eq=False, slots=True)
class Stock:
    """The copies of one template."""

    settings: Settings
    recipe: Recipe
    original: Original | None = None
    learned: bool = False
    ready: list[Lent] = field(default_factory=list)
    shared: Lent | None = None


class Workshop:
    """What fixtures ask for databases; every call waits until it is done, and none depends on an event loop."""

    def __init__(self, session: str) -> None:
        self._session = session
        self._process = os.getpid()
        self._background = Background()
        self._sites: dict[tuple[Place, Path], Site] = {}
        self._stocks: dict[tuple[Settings, Environments], Stock] = {}
        self._lent: set[Lent] = set()
        """Every database that is not dropped or kept yet, lent or not."""
        self._memory = True

    def lend(self, settings: Settings, environments: Environments) -> Lent:
        """A database as the migrations and seeds make it.

        Raises what is wrong with them, ServerError, ConnectionFailed and DatabaseError.
        """
        return self._background.run(self._lend(settings, environments))

    def share(self, settings: Settings, environments: Environments) -> Lent:
        """The database for tests that roll back what they do; raises what ``lend`` does."""
        stock = self._stocks.get((settings, environments))
        if stock is not None and stock.shared is not None and stock.shared.site.is_connected:
            return stock.shared  # most often, and without a change of threads
        return self._background.run(self._share(settings, environments))

    def give_back(self, lent: Lent) -> list[str]:
        """Take a database back; the sessions, in words, that were still open in it, and are ended."""
        return self._background.run(self._give_back(lent))

    def spoil(self, lent: Lent) -> None:
        """Take a shared database out of use: a test has left something in it."""
        self._background.run(self._spoil(lent))

    def keep(self, lent: Lent, test: str) -> bool:
        """Keep a lent database for people to look at, unless enough are kept; whether it is kept."""
        most = lent.stock.settings.testing.keep_failed
        lent.kept = self._background.run(lent.site.keep(lent.name, test, most))
        return lent.kept

    def close(self) -> list[str]:
        """Drop everything that is not kept; what became of the servers' roles meanwhile, in words."""
        if os.getpid() != self._process:
            return []  # a child of a fork has no thread
        try:
            return self._background.run(self._close())
        finally:
            self._background.close()

    async def _stock(self, settings: Settings, environments: Environments) -> Stock:
        key = (settings, environments)
        if key not in self._stocks:
            self._stocks[key] = Stock(settings, read_recipe(settings, environments))
        return self._stocks[key]

    async def _lend(self, settings: Settings, environments: Environments) -> Lent:
        stock = await self._stock(settings, environments)
        while stock.ready:
            lent = stock.ready.pop()
            if lent.recycler is not None and lent.recycler.is_connected:
                return lent
            await self._drop(lent)  # the server was restarted meanwhile
        return await self._new(stock)

    async def _share(self, settings: Settings, environments: Environments) -> Lent:
        stock = await self._stock(settings, environments)
        if stock.shared is not None and not stock.shared.site.is_connected:
            await self._spoil(stock.shared)
        if stock.shared is None:
            stock.shared = await self._new(stock)
        return stock.shared

    async def _new(self, stock: Stock) -> Lent:
        site, url = await self._clone(stock)
        if not stock.learned and stock.settings.testing.recycle:
            stock.original = await learn(url)
        stock.learned = True
        recycler = Recycler(url, stock.original) if stock.original else None
        lent = Lent(url, site, stock, recycler)
        self._lent.add(lent)
        return lent

    async def _clone(self, stock: Stock) -> tuple[Site, DatabaseUrl]:
        site = self._site(stock.settings)
        try:
            return site, await site.clone(stock.recipe)
        except (ResourceError, ServerError) as error:
            full = isinstance(error, ServerError) or error.sqlstate == _DISK_FULL
            if site.place.memory is None or not full:
                raise
        self._memory = False  # memory is full: on disk it is slower, and goes on
        site = self._site(stock.settings)
        return site, await site.clone(stock.recipe)

    def _site(self, settings: Settings) -> Site:
        place = find_place(settings, memory=self._memory)
        key = (place, settings.root)
        if key not in self._sites:
            self._sites[key] = Site(place, self._session, settings.root)
        return self._sites[key]

    async def _give_back(self, lent: Lent) -> list[str]:
        site, left = lent.site, await lent.site.sessions(lent.name)
        if lent.kept:
            self._disconnect(lent)
            return left
        alone = not left or await site.terminate(lent.name)
        if alone and lent.recycler is not None and await lent.recycler.restore():
            lent.stock.ready.append(lent)
        else:
            await self._drop(lent)
        return left

    async def _spoil(self, lent: Lent) -> None:
        if lent.stock.shared is lent:
            lent.stock.shared = None
        await self._drop(lent)

    async def _drop(self, lent: Lent) -> None:
        self._disconnect(lent)
        await lent.site.drop(lent.name)

    def _disconnect(self, lent: Lent) -> None:
        self._lent.discard(lent)
        if lent.recycler is not None:
            lent.recycler.cut()

    async def _close(self) -> list[str]:
        for lent in [*self._lent]:
            self._disconnect(lent)
        return [change for site in self._sites.values() for change in await site.close()]
