-- Constants that sessions write in different ways, and texts that a dump could take for its own.
create table odd (
    at timestamptz default '2025-01-01 00:00+00', bytes bytea default '\x00ff41', lasts interval default '1 year 2 days 03:04:05',
    ratio double precision default 0.1, small real default 1e-7, day date default '2025-03-04', bits bit(3) default b'101',
    clock timestamp default '2025-01-02', "char" "char" default 'x', path text default E'a\\b''c',
    span tstzrange default '[2025-01-01 00:00+00,2025-02-01 00:00+00)', check (at > '2020-01-01 00:00+00')
);
create table odd_whole (at timestamptz) partition by range (at);
create table odd_part partition of odd_whole for values from ('2025-06-01 00:00+02') to ('2025-07-01 00:00+00');
create view odd_view as select at from odd where at < '2030-01-01 00:00+00' and bytes <> '\x01' and lasts > '1 mon';
create index on odd (at) where at > '2021-01-01 00:00+00';
comment on table odd is E'ä ß € 😀 \t a tab \r\n the line of a Windows file \u0001 end; -- $$ \\';
comment on column odd.at is E'\\restrict abc\nSET a = 1;\n\\unrestrict abc\n--\n-- PostgreSQL database dump complete\n--\n';
comment on view odd_view is E'\\connect other\n\\.\nCOPY x FROM stdin;\n/* not closed';
