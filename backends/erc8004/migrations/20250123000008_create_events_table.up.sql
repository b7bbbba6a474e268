-- The events of the registries. created_at is the time of the block: it is what the table is partitioned by, so it is
-- part of every unique key, and so it must be the same when a block is read again. The check sees to that.
-- Chain ids, scores and places in a block are 32-bit numbers. An identity column is not used: before PostgreSQL 17, the
-- chunks of a partitioned table do not have it. assay: ignore[prefer-bigint-over-int, prefer-identity]
create table events (
    id bigserial,
    chain_id integer not null,
    block_number bigint not null,
    block_hash text not null,
    transaction_hash text not null,
    log_index integer not null,
    registry text not null check (registry in ('identity', 'reputation', 'validation')),
    event_type text not null,
    agent_id bigint,
    timestamp bigint not null,
    owner text,
    token_uri text,
    metadata_key text,
    metadata_value text,
    client_address text,
    feedback_index bigint,
    score integer,
    tag1 text,
    tag2 text,
    file_uri text,
    file_hash text,
    validator_address text,
    request_hash text,
    response integer,
    response_uri text,
    response_hash text,
    tag text,
    created_at timestamptz not null,
    primary key (id, created_at),
    constraint events_log_key unique (chain_id, transaction_hash, log_index, created_at),
    constraint events_created_at_is_block_time check (created_at = to_timestamp(timestamp))
);

create index events_chain_id_created_at_idx on events (chain_id, created_at desc);
create index events_agent_id_idx on events (agent_id) where agent_id is not null;
create index events_registry_event_type_idx on events (registry, event_type);
create index events_client_address_idx on events (client_address) where client_address is not null;
create index events_validator_address_idx on events (validator_address) where validator_address is not null;
create index events_chain_id_block_number_idx on events (chain_id, block_number);

-- One transaction at a time adds events, and takes its ids when it is its turn. So ids become visible in their order,
-- and whoever has read up to an id never finds a lower one later.
create function lock_event_writers() returns void
language sql
as $$ select pg_advisory_xact_lock(8004, 1) $$;

create function take_event_turn() returns trigger
language plpgsql
as $$
begin
    perform lock_event_writers();
    return null;
end
$$;

create function refuse_event_change() returns trigger
language plpgsql
as $$
begin
    raise exception 'events are append-only: % is refused', lower(tg_op)
        using errcode = 'insufficient_privilege',
              hint = 'Events leave only with their whole chunk: select drop_event_chunks(interval ''365 days'').';
end
$$;

create function notify_new_event() returns trigger
language plpgsql
as $$
begin
    perform pg_notify('new_event', new.id::text);
    return null;
end
$$;

create procedure guard_events()
language sql
as $$
    create trigger events_turn before insert on events for each statement execute function take_event_turn();
    create trigger events_append_only before update or delete on events
        for each row execute function refuse_event_change();
    create trigger events_no_truncate before truncate on events
        for each statement execute function refuse_event_change();
    create trigger events_notify after insert on events for each row execute function notify_new_event();
$$;

-- Puts another table in the place of events: of the same columns, constraints, indexes and rows, partitioned or not.
create procedure rebuild_events(partitioning text)
language plpgsql
as $$
declare
    definition text;
    definitions constant text[] := array(
        select format('alter table events add constraint %I %s', conname, pg_get_constraintdef(oid))
        from pg_constraint
        where conrelid = 'events'::regclass and contype in ('p', 'u')
        order by conname
    ) || array(
        select pg_get_indexdef(indexrelid)
        from pg_index
        where indrelid = 'events'::regclass
          and not exists (select from pg_constraint where conindid = indexrelid)
        order by indexrelid::regclass::text
    );
begin
    execute 'create table events_rebuilt (like events including defaults including constraints) ' || partitioning;
    insert into events_rebuilt select * from events;
    alter sequence events_id_seq owned by events_rebuilt.id;
    drop table events;
    alter table events_rebuilt rename to events;
    foreach definition in array definitions loop
        execute definition;
    end loop;
    call guard_events();
end
$$;

call guard_events();
