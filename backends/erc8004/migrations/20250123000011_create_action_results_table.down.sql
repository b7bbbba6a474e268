drop table action_jobs;
drop table action_results;
