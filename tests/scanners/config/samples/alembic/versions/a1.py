import sqlalchemy as sa
from alembic import op


def upgrade():
    op.create_table(
        "stock",
        sa.Column("sku", sa.String(), primary_key=True),
        sa.Column("n", sa.Integer()),
        sa.UniqueConstraint("sku", "n"),
    )
    op.execute("CREATE PUBLICATION stock FOR ALL TABLES")


def downgrade():
    op.create_table("old", sa.Column("id", sa.Integer()))
