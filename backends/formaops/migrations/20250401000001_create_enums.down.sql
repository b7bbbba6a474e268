drop type log_level, validation_type, priority, validation_status, execution_status, prompt_status, user_plan;
