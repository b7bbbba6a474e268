"""What ``assay stats`` says of replicas, on the primary and on a standby."""

from __future__ import annotations

from tests.fixtures.replication import Trio

from assay.config import DatabaseUrl
from assay.ops.stats.model import Section
from assay.ops.stats.session import open_session
from assay.ops.stats.stats import READERS, read_stats


async def everything(url: DatabaseUrl) -> dict[str, Section]:
    async with open_session(url, 20) as session:
        return {each.name: each for each in (await read_stats(session, list(READERS))).sections}


async def test_replicas_are_told_on_the_primary_with_how_far_they_are_behind(trio: Trio) -> None:
    trio.settle()
    found = (await everything(trio.primary.url))["replication"]
    replicas = [row for row in found.to_json()["rows"] if row["kind"] == "replica"]
    assert len(replicas) == 2
    for row in replicas:
        assert (row["state"], row["mode"]) == ("streaming", "async")
        assert 0 <= row["unsent_bytes"] <= row["unflushed_bytes"] <= row["unreplayed_bytes"] < 16 * 1024**2


async def test_a_standby_tells_how_far_it_is_itself_and_every_other_section(trio: Trio) -> None:
    trio.primary.run("create table if not exists seen_by_stats (id int); drop table seen_by_stats")
    trio.settle()
    found = await everything(trio.replicas[0])
    assert [name for name, each in found.items() if not each.fields] == []
    notes = " ".join(found["replication"].notes)
    assert "this server is a standby, replayed to 0/" in notes
    assert "0 bytes are received and not replayed yet" in notes
    assert "the last transaction that it replayed was committed" in notes
