"""The settings of a GitHub App that is the credential of a source."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from exporter.config.extras import check_extra
from exporter.config.types import Count, ExistingFile, Settings


def _private_key_file(path: Path) -> Path:
    check_extra("github-app")
    from exporter.vendors.github_app_key import private_key

    private_key(path)
    return path


class GitHubAppSettings(Settings):
    """`app:` of a source. `installation_id` is looked up where it is not set."""

    client_id: Annotated[str, Field(min_length=1)]
    private_key_file: Annotated[ExistingFile, AfterValidator(_private_key_file)]
    installation_id: Count | None = None
