"""A streaming replica backed up in the place of its primary."""

from __future__ import annotations

from pathlib import Path

from tests.fixtures.replication import Trio

from assay.ops.backup.create import Wanted, create_backup
from assay.ops.backup.manifest import Archive
from assay.ops.backup.stores import LocalStore
from assay.ops.backup.verify import verify_backup


async def test_a_replica_is_backed_up_and_its_backup_verified_on_the_primary(shop: Trio, tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    for archive in Archive:
        manifest = await create_backup(shop.first.url, store, Wanted(archive=archive, jobs=1, hashed=True))
        tables = {table.name: table.rows for table in manifest.tables}
        assert tables == {"public.item": 1}  # the other one is not logged
        assert (await verify_backup(store, manifest, shop.primary.url, content=True)).differences == ()
