"""What each vendor has to show: one row of a table for each dashboard."""

from dataclasses import dataclass

from grafana.measures import NEWEST
from grafana.panels import Words
from grafana.queries import Facts


@dataclass(frozen=True)
class Vendor:
    """A vendor's words, and which kinds of panels its series can fill.

    `color` is the same wherever several vendors are shown, `ready` is when it finishes a day, `scope` what it calls a
    scope, `activities` what people do with it, and `people` who is counted.
    """

    name: str
    title: str
    color: str
    ready: str
    scope: str
    activities: str = ""
    people: str = "Distinct people"
    several_scopes: bool = False
    listed: bool = True
    activity_people: bool = False
    completions: bool = False
    editors: bool = False
    languages: bool = True
    models: bool = False
    sessions: bool = False
    code: tuple[str, ...] = ()
    time: bool = False
    activity_time: bool = False

    @property
    def facts(self) -> Facts:
        """The series of one source and scope."""
        return Facts(f'vendor="{self.name}", source=~"$source", scope=~"$scope"')

    def each_day(self, title: str, counted: str, unit: str) -> Words:
        """The words of a panel over days."""
        late = (
            f" Each day is drawn on the day that it is about (UTC). {self.title} finishes a day at about "
            f"{self.ready}; a day that came more than a day late is a gap, never a drop."
        )
        return Words(title, counted + late, unit)

    def newest(self, title: str, counted: str, unit: str) -> Words:
        """The words of a panel about the newest day."""
        return Words(title, counted + NEWEST, unit)


VENDORS = (
    Vendor(
        name="augment",
        title="Augment Code",
        color="green",
        ready="03:00 UTC of the next one",
        scope="Scope",
        activities="Messages in the chat and to agents, and calls of tools by agents. messages are all kinds of them.",
        activity_people=True,
        completions=True,
        editors=True,
        code=("lines",),
    ),
    Vendor(
        name="cursor",
        title="Cursor",
        color="red",
        ready="03:00 UTC of the next one",
        scope="Team",
        activities="Messages in chat, agent and composer, inline edits, edits, code reviews, and requests to models.",
        activity_people=True,
        completions=True,
        code=("lines",),
    ),
    Vendor(
        name="sourcegraph",
        title="Sourcegraph",
        color="orange",
        ready="02:00 UTC of the next one",
        scope="Instance",
        activities="Searches, code navigation, Code Insights, and the assistant's chats and commands.",
        several_scopes=True,
        activity_people=True,
        completions=True,
        editors=True,
        code=("lines", "characters"),
    ),
    Vendor(
        name="gitlab",
        title="GitLab Product Analytics",
        color="purple",
        ready="01:00 UTC of the next one",
        scope="Project",
        activities="Tracked events, of which page views and link clicks are kinds, and sessions.",
        people="Distinct visitors as the vendor counts them, anonymous ones too,",
        several_scopes=True,
        listed=False,
        sessions=True,
        time=True,
    ),
    Vendor(
        name="coder",
        title="Coder",
        color="blue",
        ready="01:00 UTC of the next one",
        scope="Organization",
        several_scopes=True,
        time=True,
        activity_time=True,
    ),
    Vendor(
        name="coder-classic",
        title="Coder classic",
        color="yellow",
        ready="01:00 UTC of the next one",
        scope="Organization",
        activities="One-minute samples of activity by category.",
        activity_people=True,
        time=True,
        activity_time=True,
    ),
    Vendor(
        name="copilot",
        title="GitHub Copilot",
        color="semi-dark-purple",
        ready="06:00 UTC of the third one after it",
        scope="Organization or enterprise",
        activities="Prompts in chat, to agents, in the terminal and in the app: messages are those that GitHub adds up "
        "itself. Generations and acceptances are of code, wherever it was written.",
        several_scopes=True,
        activity_people=True,
        completions=True,
        editors=True,
        code=("lines",),
    ),
    Vendor(
        name="claude-code",
        title="Claude Code",
        color="#14b8a6",
        ready="02:00 (Console) or 12:00 (Enterprise) UTC of the next one",
        scope="Organization",
        activities="Sessions, commits, pull requests, edits that Claude proposed and those that were accepted.",
        activity_people=True,
        editors=True,
        languages=False,
        models=True,
        code=("lines",),
    ),
)
