-- The tokens that agents' MCP servers ask for, encrypted by the application: the database never has the key.
create table agent_mcp_tokens (
    agent_id bigint primary key,
    token text not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

create trigger agent_mcp_tokens_updated_at
before update on agent_mcp_tokens
for each row execute function update_updated_at_column();
