"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alias",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("entity_key", sa.BigInteger(), nullable=False),
        sa.Column("cluster", sa.String(), nullable=False),
        sa.Column("space", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("since_at", sa.BigInteger(), nullable=False),
        sa.Column("until_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("ix_alias_current", "alias", ["cluster", "until_at"], unique=False)
    op.create_table(
        "backup",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_key", sa.BigInteger(), nullable=False),
        sa.Column("entity_key", sa.BigInteger(), nullable=True),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.Column("measured_at", sa.BigInteger(), nullable=False),
        sa.Column("guest_id", sa.String(), nullable=False),
        sa.Column("cluster", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=True),
        sa.Column("datastore_id", sa.String(), nullable=True),
        sa.Column("bytes", sa.BigInteger(), nullable=True),
        sa.Column("encrypted", sa.Boolean(), nullable=True),
        sa.Column("verified", sa.Boolean(), nullable=True),
        sa.Column("protected", sa.Boolean(), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("ix_backup_open", "backup", ["source_key", "valid_to"], unique=False)
    op.create_index("ix_backup_span", "backup", ["valid_from", "valid_to"], unique=False)
    op.create_table(
        "backup_job",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_key", sa.BigInteger(), nullable=False),
        sa.Column("entity_key", sa.BigInteger(), nullable=True),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.Column("measured_at", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("cluster", sa.String(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=True),
        sa.Column("schedule", sa.String(), nullable=True),
        sa.Column("datastore_id", sa.String(), nullable=True),
        sa.Column("selects_all", sa.Boolean(), nullable=True),
        sa.Column("guest_ids", sa.String(), nullable=True),
        sa.Column("excluded_guest_ids", sa.String(), nullable=True),
        sa.Column("resource_pool", sa.String(), nullable=True),
        sa.Column("host_id", sa.String(), nullable=True),
        sa.Column("retention", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("ix_backup_job_open", "backup_job", ["source_key", "valid_to"], unique=False)
    op.create_index("ix_backup_job_span", "backup_job", ["valid_from", "valid_to"], unique=False)
    op.create_table(
        "cluster_day",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("span_days", sa.Integer(), nullable=False),
        sa.Column("cpu_mean_cores", sa.Float(), nullable=True),
        sa.Column("cpu_high_cores", sa.Float(), nullable=True),
        sa.Column("cpu_seconds", sa.Integer(), nullable=False),
        sa.Column("memory_mean_bytes", sa.Float(), nullable=True),
        sa.Column("memory_high_bytes", sa.Float(), nullable=True),
        sa.Column("memory_seconds", sa.Integer(), nullable=False),
        sa.Column("storage_mean_bytes", sa.Float(), nullable=True),
        sa.Column("storage_high_bytes", sa.Float(), nullable=True),
        sa.Column("storage_seconds", sa.Integer(), nullable=False),
        sa.Column("cluster", sa.String(), nullable=False),
        sa.Column("members", sa.Integer(), nullable=False),
        sa.Column("cpu_from_guests", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("day", "cluster"),
    )
    op.create_table(
        "counter",
        sa.Column("series", sa.String(), nullable=False),
        sa.Column("metric", sa.String(), nullable=False),
        sa.Column("source_key", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("series", "metric"),
    )
    op.create_table(
        "coverage",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_key", sa.BigInteger(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("remedy", sa.Text(), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("ix_coverage_source", "coverage", ["source_key", "last_at"], unique=False)
    op.create_table(
        "datastore",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_key", sa.BigInteger(), nullable=False),
        sa.Column("entity_key", sa.BigInteger(), nullable=True),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.Column("measured_at", sa.BigInteger(), nullable=False),
        sa.Column("datastore_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("cluster", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=True),
        sa.Column("shared", sa.Boolean(), nullable=True),
        sa.Column("capacity_bytes", sa.BigInteger(), nullable=True),
        sa.Column("used_bytes", sa.BigInteger(), nullable=True),
        sa.Column("hosts", sa.String(), nullable=True),
        sa.Column("aliases", sa.String(), nullable=True),
        sa.Column("content", sa.String(), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=True),
        sa.Column("retention", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("ix_datastore_open", "datastore", ["source_key", "valid_to"], unique=False)
    op.create_index("ix_datastore_span", "datastore", ["valid_from", "valid_to"], unique=False)
    op.create_table(
        "dirty_day",
        sa.Column("entity_key", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("entity_key", "day"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "disk",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_key", sa.BigInteger(), nullable=False),
        sa.Column("entity_key", sa.BigInteger(), nullable=True),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.Column("measured_at", sa.BigInteger(), nullable=False),
        sa.Column("disk_id", sa.String(), nullable=False),
        sa.Column("guest_id", sa.String(), nullable=False),
        sa.Column("datastore_id", sa.String(), nullable=True),
        sa.Column("cluster", sa.String(), nullable=False),
        sa.Column("slot", sa.String(), nullable=True),
        sa.Column("purpose", sa.String(), nullable=True),
        sa.Column("capacity_bytes", sa.BigInteger(), nullable=True),
        sa.Column("allocated_bytes", sa.BigInteger(), nullable=True),
        sa.Column("backup", sa.Boolean(), nullable=True),
        sa.Column("encrypted", sa.Boolean(), nullable=True),
        sa.Column("cache", sa.String(), nullable=True),
        sa.Column("volume", sa.String(), nullable=True),
        sa.Column("linked_clone_of", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("ix_disk_open", "disk", ["source_key", "valid_to"], unique=False)
    op.create_index("ix_disk_span", "disk", ["valid_from", "valid_to"], unique=False)
    op.create_table(
        "entity",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("cluster", sa.String(), nullable=False),
        sa.Column("native_id", sa.String(), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("ix_entity_native", "entity", ["cluster", "kind", "native_id"], unique=False)
    op.create_table(
        "entity_day",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("span_days", sa.Integer(), nullable=False),
        sa.Column("cpu_mean_cores", sa.Float(), nullable=True),
        sa.Column("cpu_high_cores", sa.Float(), nullable=True),
        sa.Column("cpu_seconds", sa.Integer(), nullable=False),
        sa.Column("memory_mean_bytes", sa.Float(), nullable=True),
        sa.Column("memory_high_bytes", sa.Float(), nullable=True),
        sa.Column("memory_seconds", sa.Integer(), nullable=False),
        sa.Column("storage_mean_bytes", sa.Float(), nullable=True),
        sa.Column("storage_high_bytes", sa.Float(), nullable=True),
        sa.Column("storage_seconds", sa.Integer(), nullable=False),
        sa.Column("entity_key", sa.BigInteger(), nullable=False),
        sa.Column("disk_read_bytes_per_second", sa.Float(), nullable=True),
        sa.Column("disk_write_bytes_per_second", sa.Float(), nullable=True),
        sa.Column("net_in_bytes_per_second", sa.Float(), nullable=True),
        sa.Column("net_out_bytes_per_second", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("day", "entity_key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "finding",
        sa.Column("finding_id", sa.String(), nullable=False),
        sa.Column("first_seen_on", sa.Date(), nullable=False),
        sa.Column("last_seen_on", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("finding_id"),
    )
    op.create_table(
        "guest",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_key", sa.BigInteger(), nullable=False),
        sa.Column("entity_key", sa.BigInteger(), nullable=True),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.Column("measured_at", sa.BigInteger(), nullable=False),
        sa.Column("guest_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("cluster", sa.String(), nullable=False),
        sa.Column("host_id", sa.String(), nullable=True),
        sa.Column("kind", sa.String(), nullable=True),
        sa.Column("power", sa.String(), nullable=True),
        sa.Column("vcpus", sa.Float(), nullable=True),
        sa.Column("memory_bytes", sa.BigInteger(), nullable=True),
        sa.Column("memory_min_bytes", sa.BigInteger(), nullable=True),
        sa.Column("template", sa.Boolean(), nullable=True),
        sa.Column("tags", sa.String(), nullable=True),
        sa.Column("os", sa.String(), nullable=True),
        sa.Column("uuid", sa.String(), nullable=True),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("autostart", sa.Boolean(), nullable=True),
        sa.Column("resource_pool", sa.String(), nullable=True),
        sa.Column("ha_state", sa.String(), nullable=True),
        sa.Column("lock", sa.String(), nullable=True),
        sa.Column("unprivileged", sa.Boolean(), nullable=True),
        sa.Column("raw_arguments", sa.Boolean(), nullable=True),
        sa.Column("passthrough", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("ix_guest_open", "guest", ["source_key", "valid_to"], unique=False)
    op.create_index("ix_guest_span", "guest", ["valid_from", "valid_to"], unique=False)
    op.create_table(
        "guest_snapshot",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_key", sa.BigInteger(), nullable=False),
        sa.Column("entity_key", sa.BigInteger(), nullable=True),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.Column("measured_at", sa.BigInteger(), nullable=False),
        sa.Column("guest_id", sa.String(), nullable=False),
        sa.Column("cluster", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=True),
        sa.Column("bytes", sa.BigInteger(), nullable=True),
        sa.Column("memory_state", sa.Boolean(), nullable=True),
        sa.Column("parent", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index(
        "ix_guest_snapshot_open", "guest_snapshot", ["source_key", "valid_to"], unique=False
    )
    op.create_index(
        "ix_guest_snapshot_span", "guest_snapshot", ["valid_from", "valid_to"], unique=False
    )
    op.create_table(
        "history_step",
        sa.Column("source_key", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=False),
        sa.Column("samples", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("source_key", "step"),
    )
    op.create_table(
        "host",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_key", sa.BigInteger(), nullable=False),
        sa.Column("entity_key", sa.BigInteger(), nullable=True),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.Column("measured_at", sa.BigInteger(), nullable=False),
        sa.Column("host_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("cluster", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=True),
        sa.Column("cpu_cores", sa.Float(), nullable=True),
        sa.Column("cpu_threads", sa.Integer(), nullable=True),
        sa.Column("memory_bytes", sa.BigInteger(), nullable=True),
        sa.Column("reserved_cpu_cores", sa.Float(), nullable=True),
        sa.Column("reserved_memory_bytes", sa.BigInteger(), nullable=True),
        sa.Column("cpu_mhz", sa.Float(), nullable=True),
        sa.Column("cpu_model", sa.String(), nullable=True),
        sa.Column("platform", sa.String(), nullable=True),
        sa.Column("version", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("ix_host_open", "host", ["source_key", "valid_to"], unique=False)
    op.create_index("ix_host_span", "host", ["valid_from", "valid_to"], unique=False)
    op.create_table(
        "meta",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "nic",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_key", sa.BigInteger(), nullable=False),
        sa.Column("entity_key", sa.BigInteger(), nullable=True),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.Column("measured_at", sa.BigInteger(), nullable=False),
        sa.Column("nic_id", sa.String(), nullable=False),
        sa.Column("guest_id", sa.String(), nullable=False),
        sa.Column("cluster", sa.String(), nullable=False),
        sa.Column("network", sa.String(), nullable=True),
        sa.Column("vlan", sa.Integer(), nullable=True),
        sa.Column("trunks", sa.String(), nullable=True),
        sa.Column("mac", sa.String(), nullable=True),
        sa.Column("model", sa.String(), nullable=True),
        sa.Column("firewall", sa.Boolean(), nullable=True),
        sa.Column("link_down", sa.Boolean(), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("ix_nic_open", "nic", ["source_key", "valid_to"], unique=False)
    op.create_index("ix_nic_span", "nic", ["valid_from", "valid_to"], unique=False)
    op.create_table(
        "poll",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_key", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("taken_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("guests_seen", sa.Integer(), nullable=True),
        sa.Column("guests_reported", sa.Integer(), nullable=True),
        sa.Column("token_expires_on", sa.Date(), nullable=True),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("ix_poll_source", "poll", ["source_key", "taken_at"], unique=False)
    op.create_table(
        "source",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("cluster", sa.String(), nullable=True),
        sa.Column("cluster_configured", sa.Boolean(), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "usage",
        sa.Column("taken_at", sa.BigInteger(), nullable=False),
        sa.Column("period_seconds", sa.Integer(), nullable=False),
        sa.Column("cpu_used_cores", sa.Float(), nullable=True),
        sa.Column("memory_used_bytes", sa.Float(), nullable=True),
        sa.Column("storage_used_bytes", sa.Float(), nullable=True),
        sa.Column("disk_read_bytes_per_second", sa.Float(), nullable=True),
        sa.Column("disk_write_bytes_per_second", sa.Float(), nullable=True),
        sa.Column("net_in_bytes_per_second", sa.Float(), nullable=True),
        sa.Column("net_out_bytes_per_second", sa.Float(), nullable=True),
        sa.Column("entity_key", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("taken_at", "period_seconds", "entity_key"),
        sqlite_with_rowid=False,
    )
