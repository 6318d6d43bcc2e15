"""What several helps say alike."""

WINDOW = "in the window of UTC days that ends with the data day (adoption_data_day_timestamp_seconds)"
CACHED = "Read from the vendor at each poll and cached in between."
NEVER_ADD = "Activities overlap and differ in kind: never add them together."
AS_OF_NOW = "Past days have the teams of now."
VENDOR_TEAMS = (
    "With teams: {from: vendor} they are the vendor's own of each day: somebody may be in several, "
    "and they add up to no total."
)
PEOPLE = "Never add these: one person counts in several."
