"""Facts of the platform beside hosts and guests; more of hosts, guests, disks and interfaces."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "certificate",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_key", sa.BigInteger(), nullable=False),
        sa.Column("entity_key", sa.BigInteger(), nullable=True),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.Column("measured_at", sa.BigInteger(), nullable=False),
        sa.Column("host_id", sa.String(), nullable=False),
        sa.Column("file", sa.String(), nullable=False),
        sa.Column("cluster", sa.String(), nullable=False),
        sa.Column("issuer", sa.String(), nullable=True),
        sa.Column("subject_name", sa.String(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("fingerprint", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    with op.batch_alter_table("certificate") as batch_op:
        batch_op.create_index("ix_certificate_open", ["source_key", "valid_to"], unique=False)
        batch_op.create_index("ix_certificate_span", ["valid_from", "valid_to"], unique=False)

    op.create_table(
        "cluster_state",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_key", sa.BigInteger(), nullable=False),
        sa.Column("entity_key", sa.BigInteger(), nullable=True),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.Column("measured_at", sa.BigInteger(), nullable=False),
        sa.Column("cluster", sa.String(), nullable=False),
        sa.Column("quorate", sa.Boolean(), nullable=True),
        sa.Column("hosts_expected", sa.Integer(), nullable=True),
        sa.Column("quorum_device", sa.Boolean(), nullable=True),
        sa.Column("migration_encrypted", sa.Boolean(), nullable=True),
        sa.Column("metric_targets", sa.Integer(), nullable=True),
        sa.Column("ha_master", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    with op.batch_alter_table("cluster_state") as batch_op:
        batch_op.create_index("ix_cluster_state_open", ["source_key", "valid_to"], unique=False)
        batch_op.create_index("ix_cluster_state_span", ["valid_from", "valid_to"], unique=False)

    op.create_table(
        "failed_task",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_key", sa.BigInteger(), nullable=False),
        sa.Column("entity_key", sa.BigInteger(), nullable=True),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.Column("measured_at", sa.BigInteger(), nullable=False),
        sa.Column("task_id", sa.String(), nullable=False),
        sa.Column("cluster", sa.String(), nullable=False),
        sa.Column("host_id", sa.String(), nullable=True),
        sa.Column("kind", sa.String(), nullable=True),
        sa.Column("about", sa.String(), nullable=True),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    with op.batch_alter_table("failed_task") as batch_op:
        batch_op.create_index("ix_failed_task_open", ["source_key", "valid_to"], unique=False)
        batch_op.create_index("ix_failed_task_span", ["valid_from", "valid_to"], unique=False)

    op.create_table(
        "firewall",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_key", sa.BigInteger(), nullable=False),
        sa.Column("entity_key", sa.BigInteger(), nullable=True),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.Column("measured_at", sa.BigInteger(), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("cluster", sa.String(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=True),
        sa.Column("policy_in", sa.String(), nullable=True),
        sa.Column("policy_out", sa.String(), nullable=True),
        sa.Column("address_filter", sa.Boolean(), nullable=True),
        sa.Column("mac_filter", sa.Boolean(), nullable=True),
        sa.Column("log_in", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    with op.batch_alter_table("firewall") as batch_op:
        batch_op.create_index("ix_firewall_open", ["source_key", "valid_to"], unique=False)
        batch_op.create_index("ix_firewall_span", ["valid_from", "valid_to"], unique=False)

    op.create_table(
        "firewall_rule",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_key", sa.BigInteger(), nullable=False),
        sa.Column("entity_key", sa.BigInteger(), nullable=True),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.Column("measured_at", sa.BigInteger(), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("cluster", sa.String(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=True),
        sa.Column("direction", sa.String(), nullable=True),
        sa.Column("action", sa.String(), nullable=True),
        sa.Column("macro", sa.String(), nullable=True),
        sa.Column("protocol", sa.String(), nullable=True),
        sa.Column("source", sa.String(), nullable=True),
        sa.Column("destination", sa.String(), nullable=True),
        sa.Column("ports", sa.String(), nullable=True),
        sa.Column("interface", sa.String(), nullable=True),
        sa.Column("log", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    with op.batch_alter_table("firewall_rule") as batch_op:
        batch_op.create_index("ix_firewall_rule_open", ["source_key", "valid_to"], unique=False)
        batch_op.create_index("ix_firewall_rule_span", ["valid_from", "valid_to"], unique=False)

    op.create_table(
        "grant",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_key", sa.BigInteger(), nullable=False),
        sa.Column("entity_key", sa.BigInteger(), nullable=True),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.Column("measured_at", sa.BigInteger(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("principal_id", sa.String(), nullable=False),
        sa.Column("role_id", sa.String(), nullable=False),
        sa.Column("cluster", sa.String(), nullable=False),
        sa.Column("propagates", sa.Boolean(), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    with op.batch_alter_table("grant") as batch_op:
        batch_op.create_index("ix_grant_open", ["source_key", "valid_to"], unique=False)
        batch_op.create_index("ix_grant_span", ["valid_from", "valid_to"], unique=False)

    op.create_table(
        "ha_resource",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_key", sa.BigInteger(), nullable=False),
        sa.Column("entity_key", sa.BigInteger(), nullable=True),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.Column("measured_at", sa.BigInteger(), nullable=False),
        sa.Column("guest_id", sa.String(), nullable=False),
        sa.Column("cluster", sa.String(), nullable=False),
        sa.Column("requested", sa.String(), nullable=True),
        sa.Column("group", sa.String(), nullable=True),
        sa.Column("max_restart", sa.Integer(), nullable=True),
        sa.Column("max_relocate", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    with op.batch_alter_table("ha_resource") as batch_op:
        batch_op.create_index("ix_ha_resource_open", ["source_key", "valid_to"], unique=False)
        batch_op.create_index("ix_ha_resource_span", ["valid_from", "valid_to"], unique=False)

    op.create_table(
        "ha_rule",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_key", sa.BigInteger(), nullable=False),
        sa.Column("entity_key", sa.BigInteger(), nullable=True),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.Column("measured_at", sa.BigInteger(), nullable=False),
        sa.Column("rule_id", sa.String(), nullable=False),
        sa.Column("cluster", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=True),
        sa.Column("affinity", sa.String(), nullable=True),
        sa.Column("strict", sa.Boolean(), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=True),
        sa.Column("hosts", sa.String(), nullable=True),
        sa.Column("guest_ids", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    with op.batch_alter_table("ha_rule") as batch_op:
        batch_op.create_index("ix_ha_rule_open", ["source_key", "valid_to"], unique=False)
        batch_op.create_index("ix_ha_rule_span", ["valid_from", "valid_to"], unique=False)

    op.create_table(
        "host_network",
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
        sa.Column("kind", sa.String(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=True),
        sa.Column("vlan_aware", sa.Boolean(), nullable=True),
        sa.Column("ports", sa.String(), nullable=True),
        sa.Column("addresses", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    with op.batch_alter_table("host_network") as batch_op:
        batch_op.create_index("ix_host_network_open", ["source_key", "valid_to"], unique=False)
        batch_op.create_index("ix_host_network_span", ["valid_from", "valid_to"], unique=False)

    op.create_table(
        "package",
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
        sa.Column("installed", sa.String(), nullable=True),
        sa.Column("available", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    with op.batch_alter_table("package") as batch_op:
        batch_op.create_index("ix_package_open", ["source_key", "valid_to"], unique=False)
        batch_op.create_index("ix_package_span", ["valid_from", "valid_to"], unique=False)

    op.create_table(
        "physical_disk",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_key", sa.BigInteger(), nullable=False),
        sa.Column("entity_key", sa.BigInteger(), nullable=True),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.Column("measured_at", sa.BigInteger(), nullable=False),
        sa.Column("host_id", sa.String(), nullable=False),
        sa.Column("device", sa.String(), nullable=False),
        sa.Column("cluster", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=True),
        sa.Column("model", sa.String(), nullable=True),
        sa.Column("serial", sa.String(), nullable=True),
        sa.Column("capacity_bytes", sa.BigInteger(), nullable=True),
        sa.Column("used_for", sa.String(), nullable=True),
        sa.Column("health", sa.String(), nullable=True),
        sa.Column("wearout_ratio", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    with op.batch_alter_table("physical_disk") as batch_op:
        batch_op.create_index("ix_physical_disk_open", ["source_key", "valid_to"], unique=False)
        batch_op.create_index("ix_physical_disk_span", ["valid_from", "valid_to"], unique=False)

    op.create_table(
        "principal",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_key", sa.BigInteger(), nullable=False),
        sa.Column("entity_key", sa.BigInteger(), nullable=True),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.Column("measured_at", sa.BigInteger(), nullable=False),
        sa.Column("principal_id", sa.String(), nullable=False),
        sa.Column("cluster", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=True),
        sa.Column("expires", sa.Boolean(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("privilege_separated", sa.Boolean(), nullable=True),
        sa.Column("members", sa.String(), nullable=True),
        sa.Column("second_factors", sa.String(), nullable=True),
        sa.Column("locked", sa.Boolean(), nullable=True),
        sa.Column("purpose_stated", sa.Boolean(), nullable=True),
        sa.Column("contact_stated", sa.Boolean(), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    with op.batch_alter_table("principal") as batch_op:
        batch_op.create_index("ix_principal_open", ["source_key", "valid_to"], unique=False)
        batch_op.create_index("ix_principal_span", ["valid_from", "valid_to"], unique=False)

    op.create_table(
        "realm",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_key", sa.BigInteger(), nullable=False),
        sa.Column("entity_key", sa.BigInteger(), nullable=True),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.Column("measured_at", sa.BigInteger(), nullable=False),
        sa.Column("realm_id", sa.String(), nullable=False),
        sa.Column("cluster", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=True),
        sa.Column("second_factor", sa.String(), nullable=True),
        sa.Column("encrypted", sa.Boolean(), nullable=True),
        sa.Column("verified", sa.Boolean(), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    with op.batch_alter_table("realm") as batch_op:
        batch_op.create_index("ix_realm_open", ["source_key", "valid_to"], unique=False)
        batch_op.create_index("ix_realm_span", ["valid_from", "valid_to"], unique=False)

    op.create_table(
        "replication",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_key", sa.BigInteger(), nullable=False),
        sa.Column("entity_key", sa.BigInteger(), nullable=True),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.Column("measured_at", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("guest_id", sa.String(), nullable=False),
        sa.Column("cluster", sa.String(), nullable=False),
        sa.Column("source_host", sa.String(), nullable=True),
        sa.Column("target_host", sa.String(), nullable=True),
        sa.Column("schedule", sa.String(), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=True),
        sa.Column("last_sync_at", sa.BigInteger(), nullable=True),
        sa.Column("last_attempt_at", sa.BigInteger(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    with op.batch_alter_table("replication") as batch_op:
        batch_op.create_index("ix_replication_open", ["source_key", "valid_to"], unique=False)
        batch_op.create_index("ix_replication_span", ["valid_from", "valid_to"], unique=False)

    op.create_table(
        "role",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_key", sa.BigInteger(), nullable=False),
        sa.Column("entity_key", sa.BigInteger(), nullable=True),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.Column("measured_at", sa.BigInteger(), nullable=False),
        sa.Column("role_id", sa.String(), nullable=False),
        sa.Column("cluster", sa.String(), nullable=False),
        sa.Column("privileges", sa.String(), nullable=True),
        sa.Column("built_in", sa.Boolean(), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    with op.batch_alter_table("role") as batch_op:
        batch_op.create_index("ix_role_open", ["source_key", "valid_to"], unique=False)
        batch_op.create_index("ix_role_span", ["valid_from", "valid_to"], unique=False)

    op.create_table(
        "service",
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
        sa.Column("state", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    with op.batch_alter_table("service") as batch_op:
        batch_op.create_index("ix_service_open", ["source_key", "valid_to"], unique=False)
        batch_op.create_index("ix_service_span", ["valid_from", "valid_to"], unique=False)

    op.create_table(
        "storage_health",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_key", sa.BigInteger(), nullable=False),
        sa.Column("entity_key", sa.BigInteger(), nullable=True),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.Column("measured_at", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("cluster", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=True),
        sa.Column("host_id", sa.String(), nullable=True),
        sa.Column("health", sa.String(), nullable=True),
        sa.Column("detail", sa.String(), nullable=True),
        sa.Column("capacity_bytes", sa.BigInteger(), nullable=True),
        sa.Column("used_bytes", sa.BigInteger(), nullable=True),
        sa.Column("metadata_used_ratio", sa.Float(), nullable=True),
        sa.Column("fragmentation_ratio", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    with op.batch_alter_table("storage_health") as batch_op:
        batch_op.create_index("ix_storage_health_open", ["source_key", "valid_to"], unique=False)
        batch_op.create_index("ix_storage_health_span", ["valid_from", "valid_to"], unique=False)

    op.create_table(
        "volume",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_key", sa.BigInteger(), nullable=False),
        sa.Column("entity_key", sa.BigInteger(), nullable=True),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.Column("measured_at", sa.BigInteger(), nullable=False),
        sa.Column("volume_id", sa.String(), nullable=False),
        sa.Column("datastore_id", sa.String(), nullable=False),
        sa.Column("cluster", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=True),
        sa.Column("capacity_bytes", sa.BigInteger(), nullable=True),
        sa.Column("allocated_bytes", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    with op.batch_alter_table("volume") as batch_op:
        batch_op.create_index("ix_volume_open", ["source_key", "valid_to"], unique=False)
        batch_op.create_index("ix_volume_span", ["valid_from", "valid_to"], unique=False)

    with op.batch_alter_table("datastore") as batch_op:
        batch_op.add_column(sa.Column("backend", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("encrypted_backups", sa.Boolean(), nullable=True))

    with op.batch_alter_table("disk") as batch_op:
        batch_op.add_column(sa.Column("format", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("backing", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("host_device", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("shareable", sa.Boolean(), nullable=True))
        batch_op.add_column(sa.Column("replicated", sa.Boolean(), nullable=True))
        batch_op.add_column(sa.Column("transport_encrypted", sa.Boolean(), nullable=True))

    with op.batch_alter_table("guest") as batch_op:
        batch_op.add_column(sa.Column("os_source", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("cpu_model", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("cpu_limit_cores", sa.Float(), nullable=True))
        batch_op.add_column(sa.Column("machine", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("firmware", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("secure_boot", sa.Boolean(), nullable=True))
        batch_op.add_column(sa.Column("vtpm", sa.Boolean(), nullable=True))
        batch_op.add_column(sa.Column("memory_encryption", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("confinement", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("ballooning", sa.Boolean(), nullable=True))
        batch_op.add_column(sa.Column("swap_bytes", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("agent", sa.Boolean(), nullable=True))
        batch_op.add_column(sa.Column("protection", sa.Boolean(), nullable=True))
        batch_op.add_column(sa.Column("hook_script", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("features", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("raw_options", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("host_paths", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("consoles", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("clipboard", sa.Boolean(), nullable=True))
        batch_op.add_column(sa.Column("media", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("pending", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("hints", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("persistent", sa.Boolean(), nullable=True))

    with op.batch_alter_table("host") as batch_op:
        batch_op.add_column(sa.Column("cpu_sockets", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("kernel", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("swap_bytes", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("root_bytes", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("root_used_bytes", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("booted_at", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("boot_mode", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("secure_boot", sa.Boolean(), nullable=True))
        batch_op.add_column(sa.Column("ksm_shared_bytes", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("cpu_pressure_ratio", sa.Float(), nullable=True))
        batch_op.add_column(sa.Column("memory_pressure_ratio", sa.Float(), nullable=True))
        batch_op.add_column(sa.Column("io_pressure_ratio", sa.Float(), nullable=True))
        batch_op.add_column(sa.Column("subscription", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("repositories", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("confinement", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("transport", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("transport_encrypted", sa.Boolean(), nullable=True))

    with op.batch_alter_table("nic") as batch_op:
        batch_op.add_column(sa.Column("address_filter", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("isolated", sa.Boolean(), nullable=True))
