drop table match_positions;
drop table checkpoints;
