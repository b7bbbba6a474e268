-- Drops the extensions that the up file created; those that somebody else had created stay.
do $$
declare
    extension name;
begin
    for extension in
        select extname
        from pg_extension
        where extname in ('timescaledb', 'pgcrypto')
          and obj_description(oid, 'pg_extension') = 'enabled by migration 20250123000001'
    loop
        execute format('drop extension %I', extension);
    end loop;
end
$$;
