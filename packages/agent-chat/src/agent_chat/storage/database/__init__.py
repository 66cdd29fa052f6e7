"""The database under a store: where it is, how it is reached, its schema, its one writer, and what its errors mean."""
