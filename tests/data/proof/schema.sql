-- The schema that the proof tests are written against. Runs on PostgreSQL 14 and later.
create type colour as enum ('red', 'green');
create domain positive as int check (value > 0);
create domain given as text not null;
create type place as (street text, town text);

create table author (
    id      int primary key,
    name    text not null,
    pen     text unique,
    born    date,
    likes   colour not null default 'red',
    tags    text[] not null default '{}',
    home    place,
    notes   jsonb
);
create table book (
    id        bigint generated always as identity primary key,
    author_id int not null references author (id),
    editor_id int references author (id),
    title     text not null,
    pages     int check (pages is not null and pages > 0),
    price     numeric(8, 2),
    shelf     given,
    label     text generated always as (title || '!') stored,
    blurb     text generated always as (title || shelf) stored,
    unique (author_id, title)
);
create table review (
    book_id bigint not null references book (id),
    stars   int,
    body    text,
    seen    int not null
);
create table only_checked (a int, b int, check (a is not null or b is not null), check (b is not null and a > 0));

create table animal (name text, legs int, unique (name));
create table dog (bark text) inherits (animal);
alter table animal alter column legs set not null;

create table reading (taken date not null, value int, sensor int not null, primary key (sensor, taken))
    partition by range (taken);
create table reading_2025 partition of reading for values from ('2025-01-01') to ('2026-01-01');

create view author_books as
    select a.id, a.name, a.pen, b.title, b.price from author a left join book b on b.author_id = a.id;
create view priced as select id, title, price from book where price is not null;
create view priced_above as select id, price from priced where price > 10;
create materialized view names as select id, name from author;

create table logged (id int primary key, note text);
create function scrub() returns trigger language plpgsql as 'begin new.note := null; return new; end';
create trigger scrub before insert or update on logged for each row execute function scrub();

create table ruled (id int primary key, note text not null);
create rule diverted as on insert to ruled do instead insert into author (id, name) values (new.id, new.note) returning id, name;

create view shown as select id, note from logged where note is not null;
create view written as select id, name from author;
create function answer() returns trigger language plpgsql as 'begin new.name := null; return new; end';
create trigger answer instead of insert on written for each row execute function answer();

create function one_more(x int) returns int language sql immutable strict begin atomic select x + 1; end;
create function first_title(author int) returns text language sql stable
    begin atomic select title from book where author_id = author limit 1; end;
create function perhaps(x int) returns int language plpgsql as 'begin return null; end';
create table run (
    id      int primary key,
    status  varchar(50) not null check (status in ('passed', 'failed')),
    kind    text check (kind = 'a' or kind = 'b'),
    size    text check (size in ('s', 'm') and size <> ''),
    loose   text check (loose in ('x') or loose like 'y%'),
    later   text
);
alter table run add constraint later check (later in ('x')) not valid;
create view passed as select id, status, kind from run where status = 'passed';
