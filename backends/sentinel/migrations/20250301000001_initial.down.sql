drop table api_keys, prover_runs, simulations, projects, users;
