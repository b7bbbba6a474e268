-- The last block of each chain whose events are in the table.
-- Chain ids are 32-bit numbers in every table. assay: ignore[prefer-bigint-over-int]
create table checkpoints (
    chain_id integer primary key,
    last_block_number bigint not null,
    last_block_hash text not null,
    updated_at timestamptz not null default now()
);

create trigger checkpoints_updated_at
before update on checkpoints
for each row execute function update_updated_at_column();

-- The last event of each chain that was matched against the triggers.
-- assay: ignore[prefer-bigint-over-int]
create table match_positions (
    chain_id integer primary key,
    last_event_id bigint not null default 0
);
