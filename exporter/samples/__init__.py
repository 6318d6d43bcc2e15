"""From daily facts to samples: windows, lifecycle, teams, users, filters."""
