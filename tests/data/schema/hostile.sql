-- Names and texts that are easily taken apart wrongly.
create schema "a.b";
create schema "; drop";
create type "a.b"."e'f" as enum ('it''s', 'a, b', E'back\\slash', '{}', '', '"');
create domain "a.b"."d%s" as text check (value <> '%s {0} $1');
create sequence "a.b"."s ON x";
create table "a.b"."t ON ONLY u" (
    "id.x" integer primary key, "DEFAULT" "a.b"."e'f" default 'a, b', "{name}" text default '{0} %s; --',
    "FOR VALUES" "a.b"."d%s", "a, b" integer not null check ("a, b" > 0)
) with (fillfactor = 90);
create table "a.b"."p FOR VALUES q" ("a""b" integer, c text) partition by list (c);
create table "; drop"."part DEFAULT" partition of "a.b"."p FOR VALUES q" default;
create table "; drop"."part ; x" partition of "a.b"."p FOR VALUES q" for values in (' DEFAULT', ', FOR VALUES ');
create index "i ON ONLY x" on "a.b"."p FOR VALUES q" (c) where c <> ' ON ONLY ';
create view "a.b"."v;" as select "id.x" as "x;y" from "a.b"."t ON ONLY u" where "{name}" <> ';';
create function "a.b"."f()"("a b" integer default 1, c text default ',)') returns text language plpgsql as $fn$
begin return '$function$; ' || c; end $fn$;
create function "a.b".tr() returns trigger language plpgsql as 'begin return new; end';
create trigger "x ON y" before insert on "a.b"."t ON ONLY u" for each row execute function "a.b".tr('it''s', E'\\');
alter table "a.b"."t ON ONLY u" enable always trigger "x ON y";
create policy "p;q" on "a.b"."t ON ONLY u" using ("{name}" = ' TO ');
comment on table "a.b"."t ON ONLY u" is E'it''s\n-- a comment; \\ {0} %s';
comment on column "a.b"."t ON ONLY u"."{name}" is '{table}';
comment on view "a.b"."v;" is '$$';
create statistics "a.b"."st;" on "id.x", "a, b" from "a.b"."t ON ONLY u";
create publication "pub;" for table "a.b"."t ON ONLY u";
