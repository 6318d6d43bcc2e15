"""Vendors: the settings model of each for `load_config`, without the code that reads it; that is in `registry.py`."""

from collections.abc import Mapping

from exporter.config.source import SourceSettings
from exporter.vendors.augment.settings import AugmentSettings
from exporter.vendors.claude_code.settings import ClaudeCodeSettings
from exporter.vendors.coder.settings import CoderSettings
from exporter.vendors.coder_classic.settings import CoderClassicSettings
from exporter.vendors.copilot.settings import CopilotSettings
from exporter.vendors.cursor.settings import CursorSettings
from exporter.vendors.gitlab.settings import GitLabSettings
from exporter.vendors.sourcegraph.settings import SourcegraphSettings

SETTINGS: Mapping[str, type[SourceSettings]] = {
    "augment": AugmentSettings,
    "claude-code": ClaudeCodeSettings,
    "coder": CoderSettings,
    "coder-classic": CoderClassicSettings,
    "copilot": CopilotSettings,
    "cursor": CursorSettings,
    "gitlab": GitLabSettings,
    "sourcegraph": SourcegraphSettings,
}
