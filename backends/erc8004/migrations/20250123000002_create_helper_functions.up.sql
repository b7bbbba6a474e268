-- For a trigger on every table that has updated_at.
create function update_updated_at_column() returns trigger
language plpgsql
as $$
begin
    new.updated_at := now();
    return new;
end
$$;
