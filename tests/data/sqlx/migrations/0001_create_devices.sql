-- Phones that have registered.
create table devices (
    id uuid primary key default gen_random_uuid(),
    platform text not null,
    note text not null default 'semicolons; and ''quotes'''
);
