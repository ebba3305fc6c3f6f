"""What Alembic runs: migrations over the connection, and in the transaction, that it was given."""

from alembic import context

from evenhand.stores.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=context.config.attributes["version_table"],
)
context.run_migrations()
