-- One of each kind of object that a schema can have, with names and bodies that are hard to write out.
create schema "Odd ""Name""";
create type mood as enum ('happy', 'it''s "fine"', 'sad');
create type pair as (a integer, b text collate "C");
create domain positive as integer default 1 check (value > 0);
create type span as range (subtype = float8, subtype_diff = float8mi);
create collation sorted (provider = libc, locale = 'C');
create sequence ticket increment by 5 start with 100 cycle maxvalue 1000;

create table person (
    id bigint generated always as identity primary key,
    name varchar(80) not null,
    status varchar(10) not null default 'new',
    mood mood,
    home pair,
    age positive,
    email text collate "C" unique,
    shout text generated always as (upper(email)) stored,
    ticket integer not null default nextval('ticket'),
    tags text[] not null default '{}',
    constraint status_known check (status in ('new', 'old', 'gone')),
    constraint sane check (age < 200 or name <> 'x')
);
comment on table person is E'People;\n-- and what they are called';
comment on column person.email is 'it''s unique';

create table "Odd ""Name"""."select" ("from" integer references person on delete cascade deferrable initially deferred, "a""b" text);
create table event (id bigint not null, at timestamptz not null, what jsonb) partition by range (at);
create table event_2025 partition of event for values from ('2025-01-01 00:00+00') to ('2026-01-01 00:00+00');
create table event_rest partition of event default;
create table parent (a integer not null);
create table child (b integer) inherits (parent);
create unlogged table fast (a integer primary key, b integer, exclude using btree (b with =)) with (fillfactor = 70);

create index person_lower on person (lower(name) text_pattern_ops) include (status) where status = 'new';
create unique index person_mood on person (mood, age desc nulls last);
create index event_at on event using brin (at);
alter table person cluster on person_pkey;
alter table person alter column name set statistics 500;
create statistics person_stats (dependencies, ndistinct) on status, mood from person;

create view grown as select id, name from person where age > 18 with local check option;
create materialized view counted as select status, count(*) as n from person group by status;
create unique index on counted (status);
create recursive view numbers (n) as values (1) union all select n + 1 from numbers where n < 10;

create function greet(who text default 'you', variadic more text[] default '{}') returns text language plpgsql as $body$
begin
    -- Name: greet; Type: FUNCTION
    return 'hello; ' || who; -- not an end;
end
$body$;
create function twice(n integer) returns integer language sql immutable begin atomic select n * 2; end;
create function names() returns setof person language sql stable as 'select * from person';
create procedure forget(p bigint) language sql as $$ delete from person where id = p; $$;
create function touched() returns trigger language plpgsql as $$ begin new.status := 'old'; return new; end $$;
create aggregate total (integer) (sfunc = int4pl, stype = integer, initcond = '0');
create operator === (leftarg = integer, rightarg = integer, function = int4eq, commutator = ===);
create function number(m mood) returns integer language sql immutable as $$ select length(m::text) $$;
create cast (mood as integer) with function number(mood) as assignment;

create trigger touch before update of name on person for each row when (old.name is distinct from new.name) execute function touched();
alter table person disable trigger touch;
create rule quiet as on delete to fast do instead nothing;
alter table person enable row level security;
create policy own on person for select using (name = current_user);
create publication changes for table person;
create extension citext;
create foreign data wrapper nothing;
create server away foreign data wrapper nothing options (host 'far.example');
create user mapping for current_user server away options (user 'me', password 'a very secret word');
create foreign table remote (a integer options (column_name 'b')) server away options (table_name 't');
create text search configuration words (copy = simple);
create function watched() returns event_trigger language plpgsql as 'begin end';
create event trigger watch on ddl_command_end when tag in ('CREATE TABLE') execute function watched();
