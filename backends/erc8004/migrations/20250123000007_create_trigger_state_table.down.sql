drop table trigger_state;
