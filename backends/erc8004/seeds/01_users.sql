-- Three users to look at during development. Their password is "password123", hashed with Argon2id as at a sign-up.
insert into users (id, username, email, password_hash)
values
    ('11111111-0000-4000-8000-000000000001', 'alice', 'alice@example.org',
     '$argon2id$v=19$m=65536,t=3,p=4$BYVInVhv2tBMG59jGZNrdQ$6D5/G7/brm3w4pdfFcyj0WaucJrQjpUmN11I4ol8TZ4'),
    ('11111111-0000-4000-8000-000000000002', 'bob', 'bob@example.org',
     '$argon2id$v=19$m=65536,t=3,p=4$tH1LbBpphVpY9KFU5gK90g$hFG3RaHCY4ZjII6SRL+WAQpfXcZMtlN1KYGXE3a+hi4'),
    ('11111111-0000-4000-8000-000000000003', 'charlie', 'charlie@example.org',
     '$argon2id$v=19$m=65536,t=3,p=4$Pz75Vh6bDycTVAIaRDTzdA$0DUBBt8rXinQAaU0UMS+v26Z0L94FC3HpaogL9cGc9c')
on conflict do nothing;
