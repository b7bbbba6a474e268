drop table validations, prompt_versions, prompts;
