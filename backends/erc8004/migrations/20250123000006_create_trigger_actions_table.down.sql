drop table trigger_actions;
