"""What of an installation an account may see: nothing of restricted cases it is not named for. [I/O]"""

from casework.access.accounts import Account, account_of, named_for
from casework.context import AppContext
from models.database import reading
from models.visibility import hidden_processes


def as_seen_by(context: AppContext, account: str | None) -> AppContext:
    """The installation as an account sees it, or nobody in particular (None), such as a list that leaves sendflow.

    All that it reads leaves the cases of restricted processes out, unless the account is named for the process.
    """
    if not context.restricted or account is None:
        return as_seen_with(context, None)
    with reading(context.engine) as connection:
        return as_seen_with(context, account_of(connection, account))


def as_seen_with(context: AppContext, account: Account | None) -> AppContext:
    """Do the same with an account that was read before."""
    hidden = context.restricted - named_for(account)
    if hidden == hidden_processes(context.engine):
        return context
    return context.as_seen(hidden)


def as_sendflow(context: AppContext) -> AppContext:
    """The installation as the jobs of sendflow see it: every case. For acts that report nothing to who asked."""
    return context.as_seen(()) if hidden_processes(context.engine) else context
