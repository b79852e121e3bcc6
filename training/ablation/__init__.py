"""Does the graph help? Arms that differ in one thing each, trained and judged alike, and a page that says what was shown."""
