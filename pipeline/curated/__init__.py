"""Tables that people keep: a row about one thing, cells with lists of names. Read as a vocabulary and as a graph by one mapping."""
