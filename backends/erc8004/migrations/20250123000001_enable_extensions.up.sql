-- TimescaleDB and pgcrypto, where this server offers them. Nothing that follows needs either: without TimescaleDB,
-- migration 9 partitions events natively.
--
-- The setting erc8004.partitions says otherwise, where it is set (alter database ... set erc8004.partitions = ...):
-- 'native' leaves TimescaleDB out although it is offered, 'timescaledb' refuses to go on without it.
do $$
declare
    wanted constant text := coalesce(nullif(current_setting('erc8004.partitions', true), ''), 'offered');
    offered constant boolean := exists (select from pg_available_extensions where name = 'timescaledb');
    -- Its loader has this setting. Without the loader, CREATE EXTENSION would end the connection.
    preloaded constant boolean := current_setting('timescaledb.disable_load', true) is not null;
    extension text;
begin
    if wanted not in ('offered', 'native', 'timescaledb') then
        raise exception 'erc8004.partitions is ''%''; it takes native or timescaledb, or is left unset', wanted
            using errcode = 'invalid_parameter_value';
    end if;
    if wanted = 'timescaledb' and not offered then
        raise exception 'TimescaleDB is not available on this server, and erc8004.partitions asks for it'
            using errcode = 'feature_not_supported',
                  hint = 'Install TimescaleDB on the server, or unset erc8004.partitions to use native partitions.';
    end if;
    if wanted = 'timescaledb' and not preloaded then
        raise exception 'TimescaleDB is installed on this server but not loaded, and erc8004.partitions asks for it'
            using errcode = 'object_not_in_prerequisite_state',
                  hint = 'Set shared_preload_libraries = ''timescaledb'' and restart the server, '
                         'or unset erc8004.partitions to use native partitions.';
    end if;
    for extension in
        select name
        from pg_available_extensions
        where installed_version is null
          and (name = 'pgcrypto' or name = 'timescaledb' and preloaded and wanted <> 'native')
    loop
        execute format('create extension %I', extension);
        -- So that the down file drops what this one created, and nothing else.
        execute format('comment on extension %I is %L', extension, 'enabled by migration 20250123000001');
    end loop;
exception
    when insufficient_privilege then
        raise exception 'the role % may not create the extension %', current_user, extension
            using errcode = 'insufficient_privilege',
                  hint = format('Let a superuser run CREATE EXTENSION %I in the database %I, then run the migrations '
                                'again; or GRANT CREATE ON DATABASE %I TO %I, where the extension is a trusted one.',
                                extension, current_database(), current_database(), current_user);
end
$$;
