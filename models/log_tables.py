"""The tables of the transparency log (`casework.proof`), and of the keys of the MACs (`models.macs`)."""

from sqlalchemy import Integer, LargeBinary, Table

from models.columns import METADATA, key_column, optional_column, required_column

LOG_LEAF = Table("log_leaf", METADATA, key_column("number", Integer), required_column("leaf"))
LOG_BLOCK = Table("log_block", METADATA, key_column("number", Integer), required_column("root"))
LOG_TAIL = Table("log_tail", METADATA, key_column("chain"), required_column("seq", Integer), required_column("hash"))
LOG_CHECKPOINT = Table(
    "log_checkpoint",
    METADATA,
    key_column("number", Integer),
    required_column("at"),
    required_column("size", Integer),
    required_column("note"),
)
LOG_COSIGNATURE = Table(
    "log_cosignature",
    METADATA,
    key_column("number", Integer),
    required_column("checkpoint", Integer),
    required_column("vkey"),
    required_column("line"),
)
LOG_ACT = Table(
    "log_act",
    METADATA,
    key_column("number", Integer),
    required_column("at"),
    required_column("kind"),
    required_column("actor"),
    required_column("reason"),
    required_column("origin"),
    required_column("keys"),
    required_column("size", Integer),
)
MAC_KEY = Table(
    "mac_key",
    METADATA,
    key_column("number", Integer),
    required_column("at"),
    required_column("kind"),
    required_column("actor"),
    required_column("reason"),
    required_column("record", Integer),
    optional_column("size", Integer),
    optional_column("sealed", LargeBinary),
)
ACTING = Table(
    "acting",
    METADATA,
    key_column("number", Integer),
    required_column("account"),
    required_column("machine"),
    required_column("how"),
)
