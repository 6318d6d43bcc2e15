"""Who an account of GitHub is: a number that survives renames, a login, and the e-mail address that SAML tells."""

from urllib.parse import urlsplit

from exporter.model import Identity
from exporter.vendors.copilot.session import Context


def identity(context: Context, scope: str, user_id: str, login: str, *former: str) -> Identity:
    """An account by its newest login; `former` are others that it had."""
    email = context.session.emails.get(scope, {}).get(user_id, "")
    # Organisations of one GitHub know the same person by the same number.
    joint_id = f"github {urlsplit(context.settings.base_url).netloc.lower()} {user_id}"
    return Identity(
        key=f"user:{user_id}", email=email, username=login, vendor_id=user_id, former=former, joint_id=joint_id
    )
