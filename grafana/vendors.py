"""What each vendor has to show: one row of a table for each dashboard."""

from dataclasses import dataclass

from grafana.boards import ONE_OR_MORE
from grafana.colors import BLUE, BROWN, GREY, INDIGO, ORANGE, PURPLE, SAND, SKY
from grafana.measures import AS_SEEN, BY_DAY, NEWEST, ON_WORKDAY
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
    completions_by_editor: bool = True
    editors: bool = False
    languages: bool = True
    models: bool = False
    sessions: bool = False
    code: tuple[str, ...] = ()
    time: bool = False
    activity_time: bool = False

    @property
    def scopes(self) -> str:
        """The word for several scopes."""
        return f"{self.scope}s".replace(" or ", "s or ")

    @property
    def facts(self) -> Facts:
        """The vendor's series of the chosen sources and scopes."""
        return Facts(f'vendor="{self.name}", {ONE_OR_MORE}')

    def each_day(self, title: str, counted: str, unit: str) -> Words:
        """The words of a panel by day."""
        return Words(title, counted + BY_DAY, unit)

    def half_a_year(self, title: str, counted: str, unit: str) -> Words:
        """The words of a panel over half a year."""
        return Words(title, counted + AS_SEEN, unit)

    def newest(self, title: str, counted: str, unit: str) -> Words:
        """The words of a panel about the newest windows."""
        return Words(title, f"{counted}{NEWEST} {self.title} finishes a day at about {self.ready}.", unit)

    def workday(self, title: str, counted: str, unit: str) -> Words:
        """The words of a panel about the newest working day."""
        return Words(title, f"{counted}{ON_WORKDAY} {self.title} finishes a day at about {self.ready}.", unit)


VENDORS = (
    Vendor(
        name="augment",
        title="Augment Code",
        color=BLUE,
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
        color=BROWN,
        ready="03:00 UTC of the next one",
        scope="Team",
        activities="Messages in chat, agent and composer, inline edits, edits, code reviews, and requests to models.",
        activity_people=True,
        completions=True,
        completions_by_editor=False,
        models=True,
        code=("lines",),
    ),
    Vendor(
        name="sourcegraph",
        title="Sourcegraph",
        color=ORANGE,
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
        color=PURPLE,
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
        color=SKY,
        ready="01:00 UTC of the next one",
        scope="Organization",
        several_scopes=True,
        time=True,
        activity_time=True,
    ),
    Vendor(
        name="coder-classic",
        title="Coder classic",
        color=SAND,
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
        color=INDIGO,
        ready="06:00 UTC of the third one after it",
        scope="Organization or enterprise",
        activities="Prompts in chat, to agents, in the terminal and in the app: messages are those that GitHub adds up "
        "itself. Generations and acceptances are of code, wherever it was written.",
        several_scopes=True,
        activity_people=True,
        completions=True,
        completions_by_editor=False,
        editors=True,
        models=True,
        code=("lines",),
    ),
    Vendor(
        name="claude-code",
        title="Claude Code",
        color=GREY,
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
