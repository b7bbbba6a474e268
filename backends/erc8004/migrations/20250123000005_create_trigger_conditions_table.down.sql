drop table trigger_conditions;
