drop table agent_mcp_tokens;
