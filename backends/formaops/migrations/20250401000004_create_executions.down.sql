drop table execution_logs, executions;
