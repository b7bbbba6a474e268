-- What came of three actions: one succeeded, one at its second attempt, one failed for good.
insert into action_results (job_id, trigger_id, event_id, event_created_at, action_type, status, executed_at,
                            duration_ms, error_message, response_data, retry_count)
select job_id, trigger_id, event.id, event.created_at, action_type, status, now() - ago, duration_ms, error_message,
       response_data, retry_count
from (
    values
        ('44444444-0000-4000-8000-000000000001'::uuid, '22222222-0000-4000-8000-000000000001'::uuid, 'telegram',
         'success', interval '50 minutes', 180, null, '{"status": 200, "body": "{\"ok\": true}"}'::jsonb, 0),
        ('44444444-0000-4000-8000-000000000002', '22222222-0000-4000-8000-000000000002', 'rest',
         'retrying', interval '49 minutes', 10000, 'the target took too long', null, 0),
        ('44444444-0000-4000-8000-000000000002', '22222222-0000-4000-8000-000000000002', 'rest',
         'success', interval '48 minutes', 240, null, '{"status": 204, "body": ""}', 1),
        ('44444444-0000-4000-8000-000000000003', '22222222-0000-4000-8000-000000000003', 'mcp',
         'failed', interval '47 minutes', 95, 'the server answered 401', null, 0)
) as seed (job_id, trigger_id, action_type, status, ago, duration_ms, error_message, response_data, retry_count)
cross join (select id, created_at from events where chain_id = 84532 order by id limit 1) as event
where not exists (select from action_results where action_results.job_id = seed.job_id);
