"""PostgreSQL types and the Python types they accept."""
