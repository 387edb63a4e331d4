"""A believable community, to look around in: who they are, where they talk and what they said."""
