-- The schema and the rows with which test_adversary.py tries to make Assay say something false. PostgreSQL 14 and later.
create type place as (street text, town text);
create domain placed as place;
create domain given as text not null;

create table item (
    id int primary key, size int, name text, parts int[], home place, mark given,
    local timestamp unique, day date unique
);
insert into item values
    (1, 1, 'x', '{7,null}', row('a', null), 'm', '2024-03-31 02:30', '2011-12-30'),
    (2, null, null, '{}', null, 'm', '2024-03-31 03:30', '2011-12-31'),
    (3, 5, 'y', '{}', row(null, null), 'm', null, null),
    (4, null, null, null, null, 'm', null, null);
create table entry (id int primary key, item int, note text, text text not null);
insert into entry values (1, 1, null, 'a'), (2, 2, 'p', 'b'), (3, null, null, 'c'), (7, null, 'x', '');

create function first_of(p int, q int) returns int language sql begin atomic select p; end;
create function strictly(p int, q int default null) returns int language sql strict begin atomic select 1; end;
create function nothing() returns void language sql begin atomic select 1; end;
create function as_text(p given) returns text language sql begin atomic select p::text; end;
create function a_place() returns place language sql begin atomic select row('a', null)::place; end;
create function a_placed() returns placed language sql begin atomic select row('a', null)::place::placed; end;

-- Views over views, tables with triggers and rules below them.
create table plain (id int primary key, note text not null, kind text check (kind in ('a', 'b')));
create view answered as select id, note, kind from plain;
create view over_answered as select id, note, kind from answered;
create function answer() returns trigger language plpgsql as
    'begin new.id := null; new.note := null; new.kind := ''z''; return new; end';
create trigger answer instead of insert or update on answered for each row execute function answer();
create table dropping (id int primary key);
create function dropped() returns trigger language plpgsql as 'begin return null; end';
create trigger dropped before insert on dropping for each row execute function dropped();
create view over_dropping as select id from dropping;
create table diverted (id int primary key, note text not null);
create rule diverted as on insert to diverted do instead insert into plain values (new.id, '') returning id, kind;
create view over_diverted as select id, note from diverted;

-- Functions of users where one would not look for them.
create table audit (id int);
create function noted(x int) returns boolean language plpgsql as
    'begin insert into audit values (x); return true; end';
create domain watched as int check (noted(value));
create domain watched_twice as watched check (value > 0);
create domain harmless as int check (value > 0);
create type holder as (content watched);
create table guarded (id int primary key);
alter table guarded enable row level security;
create policy guarded on guarded using (noted(id));
create table owned (id int primary key, owner text not null);
alter table owned enable row level security;
create policy owned on owned using (owner = current_user);
create type mood as enum ('a', 'b');
create type temper as enum ('a', 'b');
create function mood(temper) returns mood language plpgsql immutable as 'begin return null; end';
create cast (temper as mood) with function mood(temper) as implicit;
create type pair as (a int);
create function unsure(pair, pair) returns boolean language plpgsql immutable as 'begin return null; end';
create operator public.= (leftarg = pair, rightarg = pair, function = unsure);
