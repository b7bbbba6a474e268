drop table triggers;
