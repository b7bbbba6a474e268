-- Two events of each registry on Base Sepolia, of the hour before this is run for the first time.
select ensure_event_chunks(now() - interval '2 hours', now());

with block as (
    select number, 9000000 + number as block_number, '0x5eedb10c' || lpad(number::text, 56, '0') as block_hash,
           '0x5eed' || lpad(number::text, 60, '0') as transaction_hash,
           extract(epoch from date_trunc('second', now()))::bigint - 3600 + number * 2 as seconds
    from generate_series(1, 6) as number
), sample as (
    select *
    from (
        values
            (1, 'identity', 'Registered', 7, '0x00000000000000000000000000000000000000a1', null, null, null, null, null),
            (2, 'identity', 'MetadataSet', 7, '0x00000000000000000000000000000000000000a1', 'wallet', null, null, null,
             null),
            (3, 'reputation', 'NewFeedback', 7, null, null, '0x00000000000000000000000000000000000000c1', 85, 'speed',
             null),
            (4, 'reputation', 'NewFeedback', 7, null, null, '0x00000000000000000000000000000000000000c2', 30, 'speed',
             null),
            (5, 'validation', 'ValidationRequest', 7, null, null, null, null, null, null),
            (6, 'validation', 'ValidationResponse', 7, null, null, null, null, null, 45)
    ) as row (number, registry, event_type, agent_id, owner, metadata_key, client_address, score, tag1, response)
)
insert into events (chain_id, block_number, block_hash, transaction_hash, log_index, registry, event_type, agent_id,
                    timestamp, owner, metadata_key, client_address, feedback_index, score, tag1, validator_address,
                    request_hash, response, created_at)
select 84532, block_number, block_hash, transaction_hash, 0, registry, event_type, agent_id, seconds, owner,
       metadata_key, client_address, case when score is not null then number end, score, tag1,
       case when registry = 'validation' then '0x00000000000000000000000000000000000000d1' end,
       case when registry = 'validation' then '0x' || repeat('0', 63) || '9' end,
       response, to_timestamp(seconds)
from block
join sample using (number)
where not exists (
    select from events where chain_id = 84532 and block_number between 9000001 and 9000006 and agent_id = 7
)
order by number;

insert into checkpoints (chain_id, last_block_number, last_block_hash)
values
    (84532, 9000006, '0x5eedb10c' || lpad('6', 56, '0')),
    (11155111, 7500000, '0x5eedb10c' || lpad('7500000', 56, '0'))
on conflict do nothing;

-- The samples are not to set off anything.
insert into match_positions (chain_id, last_event_id)
select 84532, max(id) from events
on conflict do nothing;
