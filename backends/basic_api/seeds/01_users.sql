-- Three people to begin with; those who are there already stay as they are.
insert into users (name, email) values
    ('Ada Lovelace', 'ada@example.com'),
    ('Grace Hopper', 'grace@example.com'),
    ('Edsger Dijkstra', 'edsger@example.com')
on conflict (email) do nothing;
