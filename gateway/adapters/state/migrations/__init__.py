"""The history of the schema. A migration that was released is never edited; a new one follows it."""
