-- lock-timeout: 5s
-- An update moves updated_at, also a second one in the same transaction, and never created_at.
create function set_updated_at() returns trigger language plpgsql as $$
begin
    new.created_at := old.created_at;
    new.updated_at := clock_timestamp();
    return new;
end
$$;

create trigger users_set_updated_at before update on users
    for each row execute function set_updated_at();
