"""FormaOps: prompt templates in production: their versions, executions, and the validation of what comes out."""
