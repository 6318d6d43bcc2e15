"""The tables of the state: facts by (source, scope, day), accounts as keyed hashes, results of polls."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

SCHEMA_VERSION = 1

metadata = MetaData()

# The schema's version and the key of the hashes; `vendor:SOURCE` is the vendor to which a source's days belong.
meta = Table(
    "meta",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)

# No e-mail and no name: an account is a number, looked up by a keyed hash of the vendor's id. `label` is set only with
# people.per_user (pseudonym: another keyed hash; plain: the name itself); the row `labels:SOURCE` of `meta` holds the
# kind of a source's labels.
account = Table(
    "account",
    metadata,
    Column("source", Text, primary_key=True),
    Column("hash", LargeBinary, primary_key=True),
    Column("number", Integer, nullable=False),
    Column("label", Text),
    Index("account_number", "source", "number", unique=True),
)

# Keyed hashes of the e-mail, username and vendor id under which a teams or identities file may know an account.
alias = Table(
    "alias",
    metadata,
    Column("source", Text, primary_key=True),
    Column("hash", LargeBinary, primary_key=True),
    Column("rank", Integer, primary_key=True),
    Column("number", Integer, primary_key=True),
)

# Keyed hashes that are the same in every source: of the e-mails of an account, and of ids that other sources have too.
# Accounts with the same hash are one person's. The row `joins:SOURCE` of `meta` says that a source has them.
joint = Table(
    "joint",
    metadata,
    Column("source", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("hash", LargeBinary, primary_key=True),
    Column("email", Boolean, nullable=False),
)

# The stored days that were read before the source had joint hashes.
unjoined = Table(
    "unjoined",
    metadata,
    Column("source", Text, primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("day", Date, primary_key=True),
)

day = Table(
    "day",
    metadata,
    Column("source", Text, primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("facts", LargeBinary, nullable=False),
    Column("by_account", LargeBinary),
    Column("people", LargeBinary),
    Column("people_total", BigInteger),
    Column("requests", Integer, nullable=False),
    Column("read_at", Float, nullable=False),
)

# Since when every read of a stored day with people has had no rows; deleted by a read that has some.
emptied = Table(
    "emptied",
    metadata,
    Column("source", Text, primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("since", Float, nullable=False),
)

# The stored days of which the vendor gives some fields later.
pending = Table(
    "pending",
    metadata,
    Column("source", Text, primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("day", Date, primary_key=True),
)

# When a stored day last changed after it was first stored; only days that did, in states that note it.
revision = Table(
    "revision",
    metadata,
    Column("source", Text, primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("at", Float, nullable=False),
)

# The names of the vendor's own teams by id, as of the newest day that was read with them.
team = Table(
    "team",
    metadata,
    Column("source", Text, primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("team", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("day", Date, nullable=False),
)

scope = Table(
    "scope",
    metadata,
    Column("source", Text, primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("listed", Boolean, nullable=False),
    Column("last_success", Float),
    Column("revised", Integer, nullable=False),
    Column("seats", BigInteger),
)

# How the last reading of each scope that a source has went; `reason` is empty where it went well.
reading = Table(
    "scope_reading",
    metadata,
    Column("source", Text, primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("reason", Text),
    Column("message", Text),
    Column("status", Integer),
)

# Who holds a seat, as of the day that the vendor last said it (UTC); null since it names them no more. `former` are
# accounts that held one before.
holders = Table(
    "holders",
    metadata,
    Column("source", Text, primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("read_on", Date, nullable=False),
    Column("holders", LargeBinary),
    Column("number", BigInteger),
    Column("forgets_after", Integer),
    Column("former", LargeBinary, nullable=False),
)

window = Table(
    "window_people",
    metadata,
    Column("source", Text, primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("data_day", Date, primary_key=True),
    Column("window", Text, primary_key=True),
    Column("people", BigInteger, nullable=False),
    Column("service", BigInteger),
)

poll = Table(
    "poll",
    metadata,
    Column("source", Text, primary_key=True),
    Column("success", Boolean, nullable=False),
    Column("ended", Float, nullable=False),
    Column("duration", Float, nullable=False),
    Column("last_success", Float),
    Column("reason", Text),
    Column("message", Text),
    Column("status", Integer),
)

# The leader of each source: a token that is new each time the lock is taken. Every write of a poll compares it.
leader_lock = Table(
    "turn",
    metadata,
    Column("source", Text, primary_key=True),
    Column("token", LargeBinary, nullable=False),
)
