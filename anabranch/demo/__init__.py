"""The demonstration: the whole main job on the pocket pool, by the commands that a user would type."""
