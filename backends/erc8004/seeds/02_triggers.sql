-- One trigger of each user and registry: low scores to a chat, failed validations to a web hook, and an agent whose
-- average falls, to its own MCP server. Their targets are examples: nobody is there.
insert into triggers (id, user_id, name, description, chain_id, registry, enabled, is_stateful)
values
    ('22222222-0000-4000-8000-000000000001', '11111111-0000-4000-8000-000000000001', 'Low scores',
     'Feedback below 40 on speed', 84532, 'reputation', true, false),
    ('22222222-0000-4000-8000-000000000002', '11111111-0000-4000-8000-000000000002', 'Failed validations',
     null, 84532, 'validation', true, false),
    ('22222222-0000-4000-8000-000000000003', '11111111-0000-4000-8000-000000000003', 'Falling average',
     'The moving average of agent 7 is below 60', 84532, 'reputation', true, true)
on conflict do nothing;

insert into trigger_conditions (trigger_id, condition_type, field, operator, value, config)
select *
from (
    values
        ('22222222-0000-4000-8000-000000000001'::uuid, 'field', 'score', '<', '40', null::jsonb),
        ('22222222-0000-4000-8000-000000000001', 'field', 'tag1', '=', 'speed', null),
        ('22222222-0000-4000-8000-000000000002', 'field', 'response', '<', '50', null),
        ('22222222-0000-4000-8000-000000000003', 'field', 'agent_id', '=', '7', null),
        ('22222222-0000-4000-8000-000000000003', 'ema', 'score', '<', '60', '{"alpha": 0.2}')
) as seed (trigger_id, condition_type, field, operator, value, config)
where not exists (select from trigger_conditions where trigger_conditions.trigger_id = seed.trigger_id);

insert into trigger_actions (trigger_id, action_type, priority, config)
select *
from (
    values
        ('22222222-0000-4000-8000-000000000001'::uuid, 'telegram', 1,
         '{"chat_id": "@example_agents", "message": "Agent {agent_id} has a score of {score}"}'::jsonb),
        ('22222222-0000-4000-8000-000000000002', 'rest', 1,
         '{"url": "https://hooks.example.org/validations", "headers": {"X-Team": "agents"}}'),
        ('22222222-0000-4000-8000-000000000003', 'mcp', 1,
         '{"url": "https://agent-7.example.org/mcp", "tool": "note_reputation"}'),
        ('22222222-0000-4000-8000-000000000003', 'rest', 2, '{"url": "https://hooks.example.org/averages"}')
) as seed (trigger_id, action_type, priority, config)
where not exists (select from trigger_actions where trigger_actions.trigger_id = seed.trigger_id);
