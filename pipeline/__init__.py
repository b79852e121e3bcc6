"""Papers in, evidence out: readers, vocabularies, mentions, claims. The ground floor; it imports none of the others."""
