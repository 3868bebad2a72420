"""Beyond one machine: Milvus serves vectors, Ray builds shards. Nothing else imports either."""
