create table logs (id bigint primary key, line text);
create index logs_line on logs (line);
