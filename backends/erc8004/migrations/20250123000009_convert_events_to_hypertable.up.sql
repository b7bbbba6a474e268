-- lock-timeout: 5s
-- events by 7 days of block time: a hypertable where TimescaleDB (2.13 or newer, for by_range) is enabled, else a
-- partitioned table. The functions below are the same on both: what TimescaleDB does by itself, they leave to it.
-- The table that is dropped on the way is empty. assay: ignore[MIG107]
do $$
begin
    if exists (select from events) then
        raise exception 'events holds rows; only an empty table is converted'
            using errcode = 'object_not_in_prerequisite_state',
                  hint = 'Save the rows with pg_dump --data-only --table=events; empty the table with ALTER TABLE events '
                         'DISABLE TRIGGER USER; TRUNCATE events; ALTER TABLE events ENABLE TRIGGER USER; run the '
                         'migrations; create the chunks of the rows with SELECT ensure_event_chunks(first, last), by '
                         'their created_at; and load the rows again.';
    end if;
    if exists (select from pg_extension where extname = 'timescaledb') then
        perform create_hypertable('events', by_range('created_at', interval '7 days'), create_default_indexes => false);
    else
        call rebuild_events('partition by range (created_at)');
    end if;
end
$$;

create function event_chunks_are_native() returns boolean
language sql
stable
set search_path = public, pg_temp
as $$ select relkind = 'p' from pg_class where oid = 'events'::regclass $$;

-- Creates the chunks for events of the given times that are not there yet; how many those were. It needs the owner of
-- events. TimescaleDB creates a chunk when its first event comes.
create function ensure_event_chunks(first timestamptz, last timestamptz) returns integer
language plpgsql
set search_path = public, pg_temp
set timezone = 'UTC'
as $$
declare
    starts timestamptz := date_bin('7 days', first, 'epoch');
    chunk text;
    missing boolean;
    made integer := 0;
begin
    if not event_chunks_are_native() then
        return 0;
    end if;
    if last - first > interval '10 years' then
        raise exception 'from % to % are more than ten years of chunks', first, last
            using errcode = 'invalid_parameter_value';
    end if;
    while starts <= last loop
        chunk := 'events_' || to_char(starts, 'YYYYMMDD');
        if to_regclass(chunk) is null then
            perform lock_event_writers();
            -- Asked again, of the table itself: what another session created meanwhile, to_regclass may not know yet.
            missing := not exists (
                select from pg_class where relname = chunk and relnamespace = 'public'::regnamespace
            );
        else
            missing := false;
        end if;
        if missing then
            -- Attached rather than created in its place: readers and writers of the other chunks need not wait.
            execute format('create table %I (like events including defaults including constraints)', chunk);
            execute format('alter table events attach partition %I for values from (%L) to (%L)',
                           chunk, starts, starts + interval '7 days');
            execute format('create trigger events_no_truncate before truncate on %I '
                           'for each statement execute function refuse_event_change()', chunk);
            made := made + 1;
        end if;
        starts := starts + interval '7 days';
    end loop;
    return made;
end
$$;

-- Drops the chunks whose events are all older than that; how many those were. It needs the owner of events, and waits
-- for everybody who reads or writes events. With TimescaleDB the same is made a policy, for its own scheduler.
create function drop_event_chunks(keep interval) returns integer
language plpgsql
set search_path = public, pg_temp
set timezone = 'UTC'
as $$
declare
    chunk text;
    dropped integer := 0;
begin
    if not event_chunks_are_native() then
        perform remove_retention_policy('events', if_exists => true);
        perform add_retention_policy('events', drop_after => keep);
        select count(*) into dropped from drop_chunks('events', older_than => keep);
        return dropped;
    end if;
    for chunk in
        select inhrelid::regclass::text
        from pg_inherits join pg_class on pg_class.oid = inhrelid
        where inhparent = 'events'::regclass
          and substring(pg_get_expr(relpartbound, inhrelid) from $q$ TO \('([^']+)'\)$q$)::timestamptz <= now() - keep
        order by inhrelid
    loop
        execute 'drop table ' || chunk;
        dropped := dropped + 1;
    end loop;
    return dropped;
end
$$;
